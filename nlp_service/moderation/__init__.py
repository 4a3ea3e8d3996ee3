"""What is done with a message: rules and models meet here and nowhere else."""

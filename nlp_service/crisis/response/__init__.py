"""What people do about an incident: the playbook with its clock, drafts of statements, and the review afterwards."""

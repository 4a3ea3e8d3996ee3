"""``python -m nlp_service`` is the command line."""

from nlp_service.cli import main

if __name__ == "__main__":
    main()

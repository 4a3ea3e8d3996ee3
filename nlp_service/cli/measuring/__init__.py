"""What ``bench`` measures: the reader, the service, and what each is compared with."""

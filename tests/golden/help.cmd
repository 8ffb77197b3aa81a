lanloom help

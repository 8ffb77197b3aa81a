lanloom check seven-errors.yaml
lanloom check --json seven-errors.yaml

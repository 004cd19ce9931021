"""Decision rules: functions of named facts."""

"""The command line: parse, call the engine, hand to a report, exit."""

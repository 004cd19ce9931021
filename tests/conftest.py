"""What all tests stand on."""

import signal

if (
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN
):  # a shell that starts `make test` in the background has it ignored, and so would every child
    signal.signal(signal.SIGINT, signal.default_int_handler)

"""What the command's exit status means; README's table quotes these comments."""

from enum import IntEnum


class ExitCode(IntEnum):
    """One code per kind of ending, so that a script can tell them apart without reading messages."""

    DONE = 0  # the command did what was asked
    INTERNAL = 1  # an error of our own: a traceback is shown, please report it
    USAGE = 2  # options that contradict each other or can not be read (also what the option parser itself exits with)
    JOB_FILE = 3  # the job, calibration or recording file is missing or malformed; nothing was stored
    STRATEGIES = 4  # the strategy file is missing, empty or malformed, or a strategy may not be used so
    ENGINE = 5  # a model's weights or an engine are missing, or no engine answers
    BUDGET = 6  # the budget, or the target accuracy, can not be met, or not changed so; the message names what can
    OUTPUT = 7  # the output folder can not be written, or a disk is full
    DATABASE = 8  # the database does not start or answer, its folder is taken, or a newer release has migrated it
    NOT_FOUND = 9  # no such job, budget, strategy or predictor, or a job that the command can not be used on
    UNHEALTHY = 10  # doctor found something that needs attention
    UNTRAINED = 11  # a strategy has no predictor yet: calibrate and train first, or probe it
    SERVER = 12  # the server that APPORTION_API_URL names does not answer, or can not at the moment
    KEY = 13  # that server does not know the API key, or the key may not do that
    DRAINED = 130  # Ctrl-C once: what had started was finished, or is watched no longer; `apportion continue` goes on
    ABORTED = 131  # Ctrl-C twice: stopped at once; `apportion continue` goes on, what had started is charged

"""Child processes: what each has cost when it ends, and none that stays behind."""
import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A command did not do what it was started for."""


def run(command, **options):
    """Runs a command to its end, whatever Ctrl-C says; what it printed."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, **options)
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
    return done.stdout


def cpu_seconds(pid):
    """User and system time that a running process has taken so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def peak_bytes(pid):
    """The largest resident set that a running process has had; 0 when it has ended."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


class Child:
    """A process that is measured. Peak memory is looked at 20 times a second: what wait4 tells begins with the memory
    of the Python process that it was forked from."""

    def __init__(self, command, **options):
        self.command = command
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stderr=self.errors, **options)
        self.peak_bytes = self.cpu_seconds = self.read_bytes = self.written_bytes = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while self.process.returncode is None:
            self.peak_bytes = max(self.peak_bytes, peak_bytes(self.process.pid))
            time.sleep(0.05)

    def end(self):
        """Waits for its end; what it read and wrote counts every read() and write(), pipes and sockets included."""
        pid = self.process.pid
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        counts = dict(line.split(": ") for line in pathlib.Path(f"/proc/{pid}/io").read_text("ascii").splitlines())
        self.read_bytes, self.written_bytes = int(counts["rchar"]), int(counts["wchar"])
        _, status, usage = os.wait4(pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        return self.process.returncode

    def complaint(self):
        """Its last words."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()[-2000:]

    def kill(self):
        """Ends it if it still runs."""
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()


class Pipeline:
    """Commands that are started at once; `pipes` says after which of them a pipe leads to the next (None: each), the
    others write to `output`."""

    def __init__(self, commands, pipes=None, output=subprocess.DEVNULL):
        self.children = []
        stdin = subprocess.DEVNULL
        try:
            for index, command in enumerate(commands):
                has_pipe = index + 1 < len(commands) and (pipes is None or pipes[index])
                child = Child(command, stdin=stdin, stdout=subprocess.PIPE if has_pipe else output)
                self.children.append(child)
                if stdin != subprocess.DEVNULL:
                    stdin.close()
                stdin = child.process.stdout if has_pipe else subprocess.DEVNULL
        except BaseException:
            self.kill()
            raise

    def end(self):
        """Waits for all of them; fails when one of them did."""
        try:
            # Slices of the wait go to whoever ends first, so a part that failed is found though others hang.
            running = list(self.children)
            while running:
                for child in running:
                    if os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
                        running.remove(child)
                        if child.end():
                            raise Failed(f"{' '.join(map(str, child.command))}: {child.complaint()}")
                        break
                else:
                    time.sleep(0.002)
        finally:
            self.kill()

    def kill(self):
        """Ends what still runs."""
        for child in self.children:
            child.kill()


class Daemon:
    """A process that runs beside what is measured, in a session of its own so that Ctrl-C does not reach it."""

    def __init__(self, command, log_path, **options):
        self.log_path = pathlib.Path(log_path)
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **options)
        at_last(self.process.kill)

    @property
    def pid(self):
        """Its process."""
        return self.process.pid

    def log(self):
        """What it has printed so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def await_line(self, text, seconds=20):
        """Waits until it has printed a text."""
        wait_until(lambda: self._check() and text in self.log(), f"{text!r} in {self.log_path}", seconds)

    def _check(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.process.args[0]} ended: {self.log()[-2000:]}")
        return True

    def forget_peak(self):
        """Makes its peak memory count from now on."""
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    def stop(self):
        """Asks it to end, and makes it."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def wait_until(condition, what, seconds=60, pause=0.05):
    """Waits until something is so; the value that says it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise Failed(f"never happened within {seconds} s: {what}")
        time.sleep(pause)
    return value


LAST_RESORTS = []
LAST_RESORT_SECONDS = 40


def at_last(action, *arguments, **options):
    """Notes what is left to do when a signal has come and the way out through every `finally` hangs: an image can't be
    closed while its cluster answers nothing. Later notes come first."""
    LAST_RESORTS.insert(0, lambda: action(*arguments, **options))


def end_on_signals():
    """The first Ctrl-C, SIGTERM or SIGHUP leaves through every `finally`; further ones do not disturb that."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def leave(number, _):
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)

    def watch():
        # A byte comes for every signal, also while the main thread is inside of librbd and can't be interrupted.
        while os.read(reading, 1)[0] not in signals:
            pass
        time.sleep(LAST_RESORT_SECONDS)
        for action in LAST_RESORTS:
            with contextlib.suppress(Exception):
                action()
        os._exit(1)

    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in signals:
        signal.signal(number, leave)
    threading.Thread(target=watch, daemon=True).start()

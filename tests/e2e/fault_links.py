"""Links of a deployment that a test can spoil: for faults.py."""
import select
import socket
import threading
import time


class Proxy:
    """Relays TCP connections, and spoils them as `fault` says: a function of
    (direction, bytes) that gives the bytes to pass on, or None to cut."""

    def __init__(self, host, target):
        self.target = target
        self.fault = None
        self.touched = 0
        self.socket = socket.create_server((host, 0))
        self.address = "%s:%d" % self.socket.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                caller, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.relay, args=(caller,),
                             daemon=True).start()

    def relay(self, caller):
        host, port = self.target.rsplit(":", 1)
        try:
            called = socket.create_connection((host, int(port)), 5)
        except OSError:
            caller.close()
            return
        ends = [caller, called]
        try:
            while True:
                ready, _, _ = select.select(ends, [], [], 60)
                for s in ready:
                    data = s.recv(65536)
                    if not data:
                        return
                    fault = self.fault
                    if fault:
                        data = fault(s is caller, data)
                        if data is None:
                            return
                    (called if s is caller else caller).sendall(data)
                if not ready:
                    return
        except OSError:
            pass
        finally:
            for s in ends:
                s.close()


class Spoiler:
    """One fault on one link, from the n-th byte of it on."""

    def __init__(self, kind, rng):
        self.kind, self.rng = kind, rng
        self.after = int(2 ** rng.uniform(0, 17))
        self.lock = threading.Lock()
        self.seen, self.done, self.stalled = 0, 0, False

    def __call__(self, forward, data):
        with self.lock:
            start, self.seen = self.seen, self.seen + len(data)
            if self.stalled:
                return b""
            if self.seen < self.after or (self.done and self.kind != "delay"):
                return data
            self.done += 1
        at = max(0, min(len(data) - 1, self.after - start - 1))
        if self.kind == "delay":
            time.sleep(self.rng.uniform(0, 0.3))
            return data
        if self.kind == "cut":
            return None
        if self.kind == "truncate":
            self.stalled = True  # open, and silent from now on
            return data[:at]
        if self.kind == "duplicate":
            return data + data[at:]
        flipped = bytearray(data)
        flipped[at] ^= 1 << self.rng.randrange(8)
        return bytes(flipped)

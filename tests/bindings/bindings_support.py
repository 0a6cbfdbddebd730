"""What the tests of both modules share; importing it puts the built modules on the path."""
import os
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(os.environ.get("HR_BUILD_DIR", os.path.join(ROOT, "build", "release")), "python"))


def runs_beside(work):
    """Whether Python code of this thread runs while `work()` is under way on another one.

    The other thread is never asked to yield (the switch interval is longer than the test) and reads our
    counter right before and right after its call: it can only have moved if the call let go of the
    interpreter's lock."""
    seen = []
    count = [0]

    def other():
        before = count[0]
        work()
        seen.extend((before, count[0]))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        thread = threading.Thread(target=other)
        thread.start()
        while thread.is_alive():
            count[0] += 1
            time.sleep(0.0005)  # lets the other thread acquire the lock
    finally:
        sys.setswitchinterval(interval)
    return seen[1] > seen[0]

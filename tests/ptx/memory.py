"""Memory of a launch whose PTX is interpreted: what lanes may load and store, and when others see that."""

import numpy


class Wrong(Exception):
    """What a kernel must not do."""


class Memory:
    """The operands of a launch, and its results of so many bytes, which every lane may write but only once. Launches before
    may still write the operands of the numbers `pending` until they are awaited.

    What a workgroup has stored others may load when it is published: behind a barrier of the workgroup one lane releases it,
    and behind that a lane of theirs acquires it, and their other lanes pass a barrier. Words of counters are for that only."""

    def __init__(self, operands, result_bytes, pending=()):
        self.pending = set(pending)
        self.published = [numpy.full(-(-size // 4), -1, numpy.int64) for size in result_bytes]  # when, by words
        self.clock = 0
        self.buffers = [numpy.ascontiguousarray(operand).reshape(-1).view(numpy.uint8) for operand in operands]
        self.results = [numpy.zeros(size, numpy.uint8) for size in result_bytes]
        self.stores = [numpy.zeros(size, numpy.int64) for size in result_bytes]
        self.bases = [(index + 1) << 33 for index in range(len(operands) + len(result_bytes))]

    def place(self, buffer, base, address, size):
        if address % size != 0 or not base <= address <= base + buffer.size - size:
            raise Wrong(f"{size} bytes at {address - base} of a buffer of {buffer.size} bytes")
        return slice(address - base, address - base + size)

    def load(self, address, size, acquired=-1):
        """By a lane that has last acquired what was published at a time."""
        index = (address >> 33) - 1
        if not 0 <= index < len(self.bases):
            raise Wrong(f"a load at {address:x}")
        if index >= len(self.buffers):
            result, when = index - len(self.buffers), self.published[index - len(self.buffers)]
            where = self.place(self.results[result], self.bases[index], address, size)
            times = when[where.start // 4:-(-where.stop // 4)]
            if (times < 0).any() or (times > acquired).any():
                raise Wrong(f"a load from result {result} of what others have not handed over")
            return self.results[result][where]
        return self.buffers[index][self.place(self.buffers[index], self.bases[index], address, size)]

    def is_pending(self, address):
        index = (address >> 33) - 1
        return index in self.pending or index >= len(self.buffers)

    def prefetch(self, address):
        self.load(address, 1)

    def store(self, address, values):
        index = (address >> 33) - 1
        if not len(self.buffers) <= index < len(self.bases):
            raise Wrong(f"a store at {address:x}")
        result = index - len(self.buffers)
        where = self.place(self.results[result], self.bases[index], address, values.size)
        self.results[result][where] = values
        self.stores[result][where] += 1
        return result, where.start // 4, -(-where.stop // 4)

    def publish(self, words):
        """Stores that a lane releases; the time that it acquires."""
        self.clock += 1
        for result, first, end in words:
            self.published[result][first:end] = self.clock
        return self.clock

    def count_up(self, address, most):
        """Adds one, or starts at 0 behind the most; what was there."""
        index = (address >> 33) - 1
        result = index - len(self.buffers)
        if result < 0:
            raise Wrong(f"a counter at {address:x}")
        word = self.results[result][self.place(self.results[result], self.bases[index], address, 4)].view(numpy.uint32)
        before = int(word[0])
        word[0] = 0 if before >= most else before + 1
        return before

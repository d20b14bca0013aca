"""Workgroups of a processor with group instructions, in slow motion: as much of PTX as Heed's kernels for sm_90a use.

Every warp runs its 32 lanes together, as far as branches let it. Warps run one after another until each has to wait: those
that copy first, so that copies come as early as the barriers allow, or last and one copy at a time, so that they come as
late. Copies that lanes start for themselves are done at once, or when they are waited for. Matrix instructions of groups read
shared memory as late as possible, when they are waited for. What is overwritten too early is thereby seen, what is read too
early, and what waits for ever.

Not modelled: caches, time, registers (PTX has as many as it likes), and other instructions, which are an error.
"""

import re

import numpy

from memory import Memory, Wrong

TYPES = {"u8": numpy.uint8, "b8": numpy.uint8, "s8": numpy.int8, "u16": numpy.uint16, "b16": numpy.uint16, "bf16": numpy.uint16, "s16": numpy.int16, "u32": numpy.uint32,
         "b32": numpy.uint32, "s32": numpy.int32, "u64": numpy.uint64, "b64": numpy.uint64, "s64": numpy.int64,
         "f32": numpy.float32, "pred": numpy.bool_}
LANES = 32
SHARED_BASE = 1024  # any multiple of what swizzled tiles are aligned to
PARAMETER_BASE = 1 << 40  # "addresses" of parameters


def narrow(values):
    """f32 to the bits of bf16, to nearest even."""
    bits = numpy.asarray(values, numpy.float32).view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(numpy.uint16)


def widen(bits):
    """Of bf16 by its bits, and f32 as it is."""
    bits = numpy.asarray(bits)
    if bits.dtype == numpy.float32:
        return bits
    return (bits.astype(numpy.uint32) << 16).view(numpy.float32)


def swizzled(addresses, width):
    """Rows of 128, 64 or 32 bytes whose 16-byte chunks are exchanged: as many as a row has, every 128 bytes; 0: as they are."""
    return addresses ^ (((addresses >> 7) & max(width // 16 - 1, 0)) << 4)


def split_operands(text):
    operands, depth, current = [], 0, ""
    for letter in text:
        depth += (letter in "{[(") - (letter in "}])")
        if letter == "," and depth == 0:
            operands.append(current.strip())
            current = ""
        else:
            current += letter
    return operands + ([current.strip()] if current.strip() else [])


def parse(text, entry):
    """Instructions (guard, opcode, operands) of an entry, and where its labels are."""
    body = re.search(r"\.entry " + re.escape(entry) + r"\(.*?\n\{\n(.*?)\n\}", text, re.S).group(1)
    # A loop around a trial is a wait; a load that is never done keeps the assembler from moving the next instruction.
    body = re.sub(r"\{\s*\.reg \.pred\s+complete;\s*wait:\s*mbarrier\.try_wait\.parity\.shared::cta\.b64 complete, "
                  r"(\[[^\]]*\]), ([^;,]*)(?:, \d+)?;\s*@!complete bra wait;?\s*\}", r"await \1, \2;", body)
    body = re.sub(r"\{ \.reg \.pred never;.*?\}", "", body)
    body = re.sub(r"//[^\n]*", "", body)
    instructions, labels = [], {}
    for part in re.split(r";|(?<=:)\s*\n", body):
        part = " ".join(part.split())
        while label := re.match(r"(\$\w+):\s*(.*)", part):
            labels[label.group(1)] = len(instructions)
            part = label.group(2)
        if part and not part.startswith((".reg", ".pragma")):
            guard, opcode, operands = re.match(r"(@!?%p\d+)?\s*([\w.:]+)\s*(.*)", part).groups()
            instructions.append((guard, opcode, split_operands(operands)))
    return instructions, labels


class Launch:
    """What all workgroups share: the program, parameters, boxed tensors by parameter number, and memory."""

    def __init__(self, text, entry, parameters, boxes, memory):
        self.instructions, self.labels = parse(text, entry)
        self.parameters, self.boxes, self.memory = parameters, boxes, memory
        self.awaits_previous = any(opcode == "griddepcontrol.wait" for _, opcode, _ in self.instructions)
        self.warps = int(re.search(r"\.reqntid (\d+)", text[text.index(entry + "("):]).group(1)) // LANES

    def run(self, workgroups, are_copies_late):
        """One workgroup after another, or, where copies are late, a few at a time from the last one on."""
        waiting = [Workgroup(self, index, workgroups, are_copies_late) for index in range(workgroups)]
        if are_copies_late:
            waiting.reverse()
        together, running = 5 if are_copies_late else 1, []
        while running or waiting:
            running += [waiting.pop(0) for _ in range(min(together - len(running), len(waiting)))]
            running = [workgroup for workgroup in running if not workgroup.go_on()]


class Workgroup:
    def __init__(self, launch, index, count, are_copies_late):
        self.launch, self.index, self.count, self.are_copies_late = launch, index, count, are_copies_late
        self.shared = numpy.full(228 << 10, 0xFF, numpy.uint8)
        self.barriers, self.named = {}, {}
        self.shown, self.acquired = [], -1  # stores that all its warps see; time of what all of them see
        self.warps = [Warp(self, number) for number in range(launch.warps)]

    def go_on(self):
        """Lets each warp go on until it waits; whether all have ended."""
        alive = [warp for warp in self.warps if not warp.is_done]
        if alive and not any([warp.run() for warp in (alive[::-1] if self.are_copies_late else alive)]):
            raise Wrong(f"workgroup {self.index} waits for ever: {[(warp.number, warp.waits) for warp in alive]}")
        return all(warp.is_done for warp in self.warps)

    def meet(self):
        """All its warps are at a barrier."""
        self.acquired = max(warp.acquired for warp in self.warps)
        for warp in self.warps:
            self.shown += warp.stored
            warp.stored = []

    def make_barrier(self, address, count):
        self.barriers[address] = {"count": count, "pending": count, "bytes": 0, "phase": 0}

    def arrive(self, address, count, expected=0):
        barrier = self.barriers[address]
        barrier["bytes"] += expected
        barrier["pending"] -= count
        if barrier["pending"] < 0:
            raise Wrong(f"too many arrivals at {address}")
        self.settle(barrier)

    def settle(self, barrier):
        if barrier["pending"] == 0 and barrier["bytes"] == 0:
            barrier["phase"] ^= 1
            barrier["pending"] = barrier["count"]

    def come(self, number, threads):
        """A warp comes to a named barrier; the generation that it belongs to."""
        state = self.named.setdefault(number, [0, 0])
        generation = state[1]
        state[0] += LANES
        if state[0] > threads:
            raise Wrong(f"more than {threads} lanes at barrier {number}")
        if state[0] == threads:
            state[:] = 0, generation + 1
            if threads == LANES * len(self.warps):
                self.meet()
        return generation

    def copy_box(self, destination, parameter, coordinates, barrier):
        """Coordinates innermost first; rows as wide as the swizzle, if there is one; zeros outside of the tensor."""
        tensor, box, swizzle = self.launch.boxes[parameter]
        if destination % max(128, 8 * swizzle) != 0 or swizzle not in (0, tensor.itemsize * box[-1]):
            raise Wrong(f"a box goes to {destination}")
        origin, full = coordinates[::-1], numpy.zeros(box, tensor.dtype)
        inside = tuple(slice(max(0, -first), min(size, whole - first))
                       for first, size, whole in zip(origin, box, tensor.shape))
        if all(part.start < part.stop for part in inside):
            full[inside] = tensor[tuple(slice(first + part.start, first + part.stop)
                                        for first, part in zip(origin, inside))]
        raw = full.reshape(-1, box[-1]).view(numpy.uint8)
        rows, columns = numpy.indices(raw.shape)
        self.shared[swizzled(destination + rows * raw.shape[1] + columns, swizzle)] = raw
        self.barriers[barrier]["bytes"] -= raw.size
        self.settle(self.barriers[barrier])

    def matrix(self, description, rows, first, is_across):
        """rows x 16 elements; rows count along the sum's dimension, 16 is the depth."""
        start, leading, stride = ((description >> shift & 0x3FFF) << 4 for shift in (0, 16, 32))
        if description >> 62 == 0:
            raise Wrong(f"a matrix without exchanged rows: {description:x}")
        width = {1: 128, 2: 64, 3: 32}[description >> 62]
        panel = width // 2
        if is_across and first % panel != 0:
            raise Wrong(f"column {first} of panels of {panel}")
        row, depth = first + numpy.arange(rows)[:, None], numpy.arange(16)[None, :]
        if is_across:
            address = start + row // panel * leading + depth // 8 * stride + depth % 8 * width + row % panel * 2
        else:
            address = start + row // 8 * stride + row % 8 * width + depth * 2
        address = swizzled(address, width)
        return self.shared[address].astype(numpy.uint16) | self.shared[address + 1].astype(numpy.uint16) << 8


BINARY = {"add": numpy.add, "sub": numpy.subtract, "mul": numpy.multiply, "and": numpy.bitwise_and,
          "or": numpy.bitwise_or, "xor": numpy.bitwise_xor}
COMPARE = {"lt": numpy.less, "le": numpy.less_equal, "gt": numpy.greater, "ge": numpy.greater_equal,
           "eq": numpy.equal, "ne": numpy.not_equal, "neu": numpy.not_equal}
HALF = {4: numpy.uint16, 8: numpy.uint32}  # by bytes
TOGETHER = ("shfl", "vote", "redux", "bar.", "wgmma", "setmaxnreg", "ldmatrix", "mma.sync")


class Warp:
    def __init__(self, workgroup, number):
        self.workgroup, self.number = workgroup, number
        self.registers, self.places = {}, numpy.zeros(LANES, numpy.int64)
        self.is_done, self.waits, self.generation = False, None, None
        self.groups, self.open_group = [], []  # of instructions of groups of warps
        self.copies, self.open_copies = [], []  # of this warp
        self.stored, self.acquired = [], -1  # since the last barrier of all; time of what it has acquired by itself
        self.has_awaited = numpy.full(LANES, not workgroup.launch.awaits_previous)

    # -- Values

    def value(self, name, kind):
        if name in self.registers:
            held = self.registers[name]
            return held.view(kind) if held.dtype.itemsize == numpy.dtype(kind).itemsize else held.astype(kind)
        special = {"%tid.x": numpy.arange(LANES) + LANES * self.number, "%ctaid.x": self.workgroup.index,
                   "%nctaid.x": self.workgroup.count, "%ctaid.y": 0, "%nctaid.y": 1, "heed_shared": SHARED_BASE}
        if name in special:
            return numpy.broadcast_to(numpy.asarray(special[name]).astype(kind), LANES)
        if name.startswith("0f"):
            return numpy.full(LANES, int(name[2:], 16), numpy.uint32).view(kind)
        if parameter := re.search(r"_param_(\d+)$", name):
            return numpy.full(LANES, PARAMETER_BASE + int(parameter.group(1)), kind)
        bits = 8 * numpy.dtype(kind).itemsize
        return numpy.full(LANES, int(name, 0) & ((1 << bits) - 1), f"u{bits // 8}").view(kind)

    def put(self, name, value, mask):
        old = self.registers.get(name)
        if old is None or mask.all():
            self.registers[name] = numpy.array(value)
        else:
            self.registers[name] = numpy.where(mask, value, old.view(value.dtype))

    def addresses(self, operand, kind):
        name, _, offset = operand.strip("[]").partition("+")
        return self.value(name, kind) + numpy.array(int(offset or 0)).astype(kind)

    def one(self, operand, mask, kind=numpy.uint32):
        return int(self.addresses(operand, kind)[mask][0])

    # -- Control

    def run(self):
        """Goes on until it waits or ends; whether it did anything."""
        moved, self.waits = False, None
        instructions = self.workgroup.launch.instructions
        while True:
            places = [place for place in numpy.unique(self.places) if place < len(instructions)]
            if not places:
                self.is_done = True
                return True
            apart = [place for place in places if not instructions[place][1].startswith(TOGETHER)]
            if not apart and len(places) > 1:
                raise Wrong(f"lanes of warp {self.number} do not come together")
            # Where some lanes wait, others go on.
            place = next((place for place in apart or places if self.step(place, self.places == place)), None)
            if place is None:
                return moved
            moved = True
            if self.workgroup.are_copies_late and instructions[place][1].startswith("cp.async.bulk"):
                return True

    def step(self, place, mask):
        guard, opcode, operands = self.workgroup.launch.instructions[place]
        after, active = numpy.where(mask, place + 1, self.places), mask
        if guard:
            holds = self.registers[guard.lstrip("@!")]
            active = mask & (~holds if guard[1] == "!" else holds)
        if opcode.startswith("bra"):
            after = numpy.where(active, self.workgroup.launch.labels[operands[0]], after)
        elif opcode == "ret":
            after = numpy.where(active, len(self.workgroup.launch.instructions), after)
        elif active.any() and not self.execute(opcode, operands, active):
            return False
        self.places = after
        return True

    # -- Instructions

    def execute(self, opcode, operands, mask):
        """False when the warp has to wait."""
        parts = opcode.split(".")
        if parts[:2] == ["bar", "warp"]:
            return True  # lanes have come together
        if parts[0] == "griddepcontrol":
            self.has_awaited |= mask & (parts[1] == "wait")
            return True
        if parts[0] == "prefetch":
            for address in self.addresses(operands[0], numpy.uint64)[mask]:
                self.workgroup.launch.memory.prefetch(int(address))
            return True
        if parts[0] == "atom":
            self.count_up(opcode, operands, mask)
            return True
        if parts[:2] == ["cp", "async"] and not self.has_awaited[mask].all():
            raise Wrong(f"warp {self.number} copies from memory that a launch before may write")
        if parts[0] in ("await", "bar"):
            return self.wait(parts, operands, mask)
        if parts[0] == "mbarrier":
            self.signal(opcode, operands, mask)
        elif parts[0] == "wgmma":
            self.multiply(opcode, operands)
        elif opcode.startswith("cp.async.bulk.tensor"):
            tensor, coordinates = operands[1].strip("[]").split(",", 1)
            numbers = [self.one(name.strip(), mask, numpy.int32) for name in coordinates.strip(" {}").split(",")]
            self.workgroup.copy_box(self.one(operands[0], mask),
                                    self.one(tensor, mask, numpy.uint64) - PARAMETER_BASE, numbers,
                                    self.one(operands[2], mask))
        elif parts[:2] == ["cp", "async"]:
            self.copy(parts, operands, mask)
        elif parts[0] in ("ld", "st") and parts[1] == "shared":
            self.access_shared(parts, operands, mask)
        elif parts[0] == "ldmatrix":
            self.load_matrices(parts, operands)
        elif parts[0] == "mma":
            self.multiply_fragments(operands)
        elif parts[1] == "global":
            self.access(parts, operands, mask)
        elif parts[0] == "mov" and operands[0].startswith("{"):
            halves = operands[0].strip("{}").split(",")
            whole = self.value(operands[1], TYPES[parts[1]])
            for name, half in zip(halves, numpy.ascontiguousarray(whole).view(HALF[whole.dtype.itemsize]).reshape(LANES, 2).T):
                self.put(name.strip(), half, mask)
        elif parts[0] not in ("setmaxnreg", "fence"):
            self.put(operands[0], self.compute(parts, operands, mask), mask)
        return True

    def access(self, parts, operands, mask):
        """Global memory: {ld,st}.global[.vN].type."""
        memory, kind = self.workgroup.launch.memory, TYPES[parts[-1]]
        place, names = operands[::-1] if parts[0] == "ld" else operands
        names, addresses = [name.strip() for name in names.strip("{}").split(",")], self.addresses(place, numpy.uint64)
        size = len(names) * numpy.dtype(kind).itemsize
        early = addresses[mask & ~self.has_awaited]
        if any(parts[0] == "st" or memory.is_pending(int(address)) for address in early):
            raise Wrong(f"warp {self.number} touches memory that a launch before may use")
        if parts[0] == "st":
            values = numpy.stack([self.value(name, kind) for name in names], axis=1)
            for lane in numpy.nonzero(mask)[0]:
                self.stored.append(memory.store(int(addresses[lane]), values[lane].view(numpy.uint8)))
            return
        acquired = max(self.acquired, self.workgroup.acquired)
        values = numpy.zeros((LANES, len(names)), kind)
        for lane in numpy.nonzero(mask)[0]:
            values[lane] = memory.load(int(addresses[lane]), size, acquired).view(kind)
        for name, value in zip(names, values.T):
            self.put(name, value, mask)

    def count_up(self, opcode, operands, mask):
        """By one lane, for its workgroup: releases what that has stored before barriers, and acquires what others have released."""
        memory, workgroup = self.workgroup.launch.memory, self.workgroup
        if opcode != "atom.acq_rel.gpu.global.inc.u32" or mask.sum() != 1 or not self.has_awaited[mask].all():
            raise Wrong(f"{opcode} by {int(mask.sum())} lanes")
        before = memory.count_up(self.one(operands[1], mask, numpy.uint64), self.one(operands[2], mask))
        self.acquired = memory.publish(workgroup.shown)
        workgroup.shown = []
        self.put(operands[0], numpy.full(LANES, before, numpy.uint32), mask)

    def copy(self, parts, operands, mask):
        """To shared memory by lanes; what is beyond the size that is read is zero."""
        if parts[2] == "commit_group":
            self.copies.append(self.open_copies)
            self.open_copies = []
        elif parts[2] == "wait_group":
            while len(self.copies) > int(operands[0]):
                for finish in self.copies.pop(0):
                    finish()
        else:
            targets, sources = self.addresses(operands[0], numpy.uint32), self.addresses(operands[1], numpy.uint64)
            size, read = int(operands[2]), self.value(operands[3] if len(operands) > 3 else operands[2], numpy.uint32)

            def finish():
                for lane in numpy.nonzero(mask)[0]:
                    count, target = int(read[lane]), int(targets[lane])
                    if target % size != 0 or count not in (0, size):
                        raise Wrong(f"a copy of {count} of {size} bytes to {target}")
                    found = self.workgroup.launch.memory.load(int(sources[lane]), size) if count else 0
                    self.workgroup.shared[target:target + size] = found

            self.open_copies.append(finish) if self.workgroup.are_copies_late else finish()

    def access_shared(self, parts, operands, mask):
        """{ld,st}.shared[.vN].type."""
        kind, shared = TYPES[parts[-1]], self.workgroup.shared
        place, names = operands[::-1] if parts[0] == "ld" else operands
        names, addresses = [name.strip() for name in names.strip("{}").split(",")], self.addresses(place, numpy.uint32)
        where = addresses[:, None].astype(numpy.int64) + numpy.arange(len(names) * numpy.dtype(kind).itemsize)
        if parts[0] == "st":
            values = numpy.stack([self.value(name, kind) for name in names], axis=1)
            shared[where[mask]] = values.view(numpy.uint8)[mask]
            return
        values = numpy.ascontiguousarray(shared[numpy.where(mask[:, None], where, 0)]).view(kind)
        for name, value in zip(names, values.T):
            self.put(name, value, mask)

    def load_matrices(self, parts, operands):
        """Lane t gives the address of row t % 8 of matrix t / 8, and has elements 2 (t % 4) and the next of row t / 4."""
        names, lane = [name.strip() for name in operands[0].strip("{}").split(",")], numpy.arange(LANES)
        addresses = self.addresses(operands[1], numpy.uint32).astype(numpy.int64)
        for index, name in enumerate(names):
            rows = addresses[8 * index:8 * index + 8, None] + numpy.arange(16)
            matrix = numpy.ascontiguousarray(self.workgroup.shared[rows]).view(numpy.uint16)
            matrix = matrix.T if "trans" in parts else matrix
            low, high = (matrix[lane // 4, 2 * (lane % 4) + odd].astype(numpy.uint32) for odd in (0, 1))
            self.registers[name] = low | high << numpy.uint32(16)

    def multiply_fragments(self, operands):
        """m16n8k16 of bf16 with sums in f32."""
        sums, left, right, start = ([name.strip() for name in operand.strip("{}").split(",")] for operand in operands)
        lane, rows, columns = numpy.arange(LANES), numpy.zeros((16, 16), numpy.float32), numpy.zeros((8, 16), numpy.float32)
        for index, name in enumerate(left):
            word, row, depth = self.value(name, numpy.uint32), lane // 4 + 8 * (index % 2), 2 * (lane % 4) + 8 * (index // 2)
            rows[row, depth], rows[row, depth + 1] = widen(word & 0xFFFF), widen(word >> 16)
        for index, name in enumerate(right):
            word, depth = self.value(name, numpy.uint32), 2 * (lane % 4) + 8 * index
            columns[lane // 4, depth], columns[lane // 4, depth + 1] = widen(word & 0xFFFF), widen(word >> 16)
        product = rows.astype(numpy.float64) @ columns.T
        values = [self.value(name, numpy.float32) + product[lane // 4 + 8 * (index // 2), 2 * (lane % 4) + index % 2]
                  for index, name in enumerate(start)]
        for name, value in zip(sums, values):
            self.registers[name] = value.astype(numpy.float32)

    def wait(self, parts, operands, mask):
        if parts[0] == "await":
            barrier, parity = self.workgroup.barriers[self.one(operands[0], mask)], self.one(operands[1], mask) & 1
            self.waits = (operands[0], parity)
            return barrier["phase"] != parity
        number, threads = self.one(operands[0], mask), int(operands[1]) if len(operands) > 1 else None
        if self.generation is None:
            self.generation = self.workgroup.come(number, threads or LANES * len(self.workgroup.warps))
        self.waits = ("barrier", number)
        if parts[1] != "arrive" and self.workgroup.named[number][1] == self.generation:
            return False
        self.generation = None
        return True

    def signal(self, opcode, operands, mask):
        address = self.one(operands[operands[0] == "_"], mask)
        if ".init." in opcode:
            self.workgroup.make_barrier(address, int(operands[1]))
        elif ".inval." in opcode:
            del self.workgroup.barriers[address]
        else:
            expected = self.one(operands[2], mask) if "expect_tx" in opcode else 0
            self.workgroup.arrive(address, int(mask.sum()), expected)

    def compute(self, parts, operands, mask):
        name, kind = parts[0], TYPES.get(parts[-1])
        value = lambda index, of=None: self.value(operands[index], of or kind)
        unsigned = numpy.uint32
        if name == "ld":
            number = int(re.search(r"_param_(\d+)", operands[1]).group(1))
            return numpy.full(LANES, self.workgroup.launch.parameters[number], numpy.uint64)
        if name == "mov" and operands[1].startswith("{"):
            half = HALF[numpy.dtype(kind).itemsize]
            low, high = (self.value(part.strip(), half).astype(kind) for part in operands[1].strip("{}").split(","))
            return low | high << kind(4 * low.dtype.itemsize)
        if name in ("mov", "cvta"):
            return value(1)
        if parts == ["cvt", "rn", "bf16x2", "f32"]:
            high, low = (narrow(value(index)).astype(unsigned) for index in (1, 2))
            return high << unsigned(16) | low
        if parts == ["cvt", "rn", "bf16", "f32"]:
            return narrow(value(1, numpy.float32))
        if parts == ["cvt", "f32", "bf16"]:
            return widen(value(1, numpy.uint16))
        if parts[-1] == "bf16" and name in BINARY:
            return narrow(BINARY[name](widen(value(1)), widen(value(2))))
        if name == "cvt":
            return value(1).astype(TYPES[parts[-2]])
        if parts == ["mul", "hi", "u64"]:
            wide = value(1).astype(object) * value(2).astype(object) >> 64
            return wide.astype(numpy.uint64)
        if name == "mul" and parts[1] in ("wide", "hi"):
            product = value(1).astype(numpy.uint64) * value(2).astype(numpy.uint64)
            return product if parts[1] == "wide" else (product >> numpy.uint64(32)).astype(unsigned)
        if name == "mad":
            return value(1) * value(2) + value(3)
        if name == "fma":
            return (value(1).astype(numpy.float64) * value(2) + value(3)).astype(kind)
        if name == "bfe":
            field = value(1) >> value(2, unsigned).astype(kind) & kind((1 << int(operands[3])) - 1)
            sign = kind(1 << (int(operands[3]) - 1)) if parts[-1] == "s32" else kind(0)
            return (field ^ sign) - sign
        if name in ("shl", "shr"):
            return (numpy.left_shift if name == "shl" else numpy.right_shift)(value(1), value(2, unsigned).astype(kind))
        if name == "abs":
            return numpy.abs(value(1))
        if name in ("not", "neg"):
            return ~value(1) if name == "not" else -value(1)
        if name in ("div", "rem"):
            divisor = numpy.maximum(value(2), kind(1))
            return value(1) // divisor if name == "div" else value(1) % divisor
        if name in ("min", "max"):
            return (numpy.fmin if name == "min" else numpy.fmax)(value(1), value(2))
        if name == "setp":
            return COMPARE[parts[1]](value(1), value(2))
        if name == "selp":
            return numpy.where(self.registers[operands[3]], value(1), value(2))
        if name == "ex2":
            return numpy.exp2(value(1).astype(numpy.float64)).astype(kind)
        if name == "lg2":
            return numpy.log2(value(1).astype(numpy.float64)).astype(kind)
        if name == "rcp":
            return (1 / value(1)).astype(kind)
        if name == "sqrt":
            return numpy.sqrt(value(1))
        if name == "shfl":
            lanes = value(2, numpy.uint32) & 31 if parts[2] == "idx" else numpy.arange(LANES) ^ self.one(operands[2], mask)
            return value(1)[lanes]
        if name == "redux":
            return numpy.full(LANES, value(1).max())
        if name == "vote":
            return numpy.full(LANES, self.registers[operands[1]].any())
        if name in BINARY and len(operands) == 3:
            return BINARY[name](value(1), value(2))
        raise Wrong(f"unknown instruction {'.'.join(parts)}")

    def multiply(self, opcode, operands):
        if ".commit_group" in opcode:
            self.groups.append(self.open_group)
            self.open_group = []
        elif ".wait_group" in opcode:
            while len(self.groups) > int(operands[0]):
                for finish in self.groups.pop(0):
                    finish()
        elif ".mma_async" in opcode:
            self.open_group.append(self.product(int(re.search(r"m64n(\d+)k16", opcode).group(1)), operands))

    def product(self, columns, operands):
        """What happens when the instruction is waited for. A warp has 16 of the group's 64 rows."""
        sums = [name.strip() for name in operands[0].strip("{}").split(",")]
        lane, right = numpy.arange(LANES), int(self.value(operands[2], numpy.uint64)[0])
        if operands[1].startswith("{"):
            words = [self.value(name.strip(), numpy.uint32).copy() for name in operands[1].strip("{}").split(",")]
        else:
            words, left = None, int(self.value(operands[1], numpy.uint64)[0])
        if operands[3] == "0":
            for name in sums:
                self.registers[name] = numpy.zeros(LANES, numpy.float32)

        def finish():
            rows = numpy.zeros((16, 16), numpy.float32)
            if words is None:
                rows = widen(self.workgroup.matrix(left, 16, 16 * (self.number % 4), False))
            for index, word in enumerate(words or []):
                row, depth = lane // 4 + 8 * (index % 2), 2 * (lane % 4) + 8 * (index // 2)
                rows[row, depth], rows[row, depth + 1] = widen(word & 0xFFFF), widen(word >> 16)
            other = widen(self.workgroup.matrix(right, columns, 0, operands[-1] == "1"))
            product = rows.astype(numpy.float64) @ other.T
            for index, name in enumerate(sums):
                row, column = lane // 4 + 8 * (index % 4 // 2), 8 * (index // 4) + 2 * (lane % 4) + index % 2
                self.registers[name] = (self.registers[name].view(numpy.float32) + product[row, column]).astype(numpy.float32)
        return finish

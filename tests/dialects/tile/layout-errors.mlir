// RUN: heed-opt %s -split-input-file -verify-diagnostics

// expected-error@+1 {{T15: some elements have no owner: the basis vectors must span the base tile}}
func.func private @hole(tensor<4x4xf32, #tile.layout<[4, 4], register = [[1, 0], [2, 0]], lane = [[0, 1]]>>)

// -----

// expected-error@+1 {{T15: dimension 1 ends at 12, where no warp begins}}
func.func private @cut_registers(tensor<1x12xf32, #tile.layout<[1, 12], register = [[0, 1], [0, 2], [0, 4], [0, 8]]>>)

// -----

// expected-error@+1 {{T15: dimension 1 of the base tile is 12: it must be a power of two, the rest repeats}}
func.func private @two_cuts(tensor<6x12xf32, #tile.layout<[6, 12], register = [[0, 1], [0, 2]]>>)

// -----

// expected-error@+1 {{T15: 5 repeats do not divide dimension 1 of size 12}}
func.func private @repeats(tensor<1x12xf32, #tile.layout<[1, 12], register = [[0, 1], [0, 2]], repeat = [[1, 5]]>>)

// -----

// expected-error@+1 {{T15: repeats must name different dimensions of the tile}}
func.func private @repeated_twice(tensor<1x12xf32, #tile.layout<[1, 12], register = [[0, 1]], repeat = [[1, 3], [1, 2]]>>)

// -----

// expected-error@+1 {{T15: a repeat is written [dimension, count]}}
func.func private @repeat_of_nothing(tensor<4xf32, #tile.layout<[4], register = [[1]], repeat = [[1, 2]]>>)

// -----

// expected-error@+1 {{T15: a basis vector of lane reaches 4 along dimension 0, where the base tile has 4}}
func.func private @outside(tensor<4xf32, #tile.layout<[4], register = [[1]], lane = [[4]]>>)

// -----

// expected-error@+1 {{T15: a basis vector of register has 1 entries in a tile of rank 2}}
func.func private @rank(tensor<4x4xf32, #tile.layout<[4, 4], register = [[1]]>>)

// -----

// expected-error@+1 {{T15: a tile has 1 to 16777216 elements}}
func.func private @size(tensor<4x4xf32, #tile.layout<[4, 9223372036854775807], register = [[1]]>>)

// -----

// expected-error@+1 {{T15: a layout of shape [4] cannot encode a tile of shape [8]}}
func.func private @other_shape(tensor<8xf32, #tile.layout<[4], register = [[1]], lane = [[2]]>>)

// -----

// expected-error@+1 {{'lane' is given twice}}
func.func private @twice(tensor<4xf32, #tile.layout<[4], lane = [[1]], lane = [[2]]>>)

// -----

// expected-error@+1 {{a layout has no 'thread'}}
func.func private @unknown(tensor<4xf32, #tile.layout<[4], thread = [[1]]>>)

// -----

// expected-error@+1 {{T15: order must name every dimension once}}
func.func private @order(tensor<4x4xf32, #tile.shared<order = [0, 0]>>)

// -----

// expected-error@+1 {{T15: a row must be a multiple of 8 phases of 16 bytes, else the swizzle leaves it}}
func.func private @swizzle(tensor<4x80xf16, #tile.shared<order = [1, 0], phases = 8>>)

// -----

// expected-error@+1 {{T15: chunk, rows_per_phase and phases must be powers of two up to 65536}}
func.func private @phases(tensor<4x80xf16, #tile.shared<order = [1, 0], phases = 3>>)

// -----

// expected-error@+1 {{T15: chunk and pad must hold whole elements of 4 bytes}}
func.func private @pad(tensor<4x80xf32, #tile.shared<order = [1, 0], pad = 2>>)

// -----

// expected-error@+1 {{T15: a tile in shared memory holds numbers, got 'index'}}
func.func private @indices(tensor<4x80xindex, #tile.shared<order = [1, 0]>>)

// -----

// expected-error@+1 {{T15: chunk, rows_per_phase and phases must be powers of two up to 65536}}
func.func private @huge_phases(tensor<4x80xf16, #tile.shared<order = [1, 0], chunk = 4611686018427387904, phases = 4>>)

// -----

// expected-error@+1 {{T15: lane has 11 basis vectors, at most 10 are possible}}
func.func private @lanes(tensor<2xf32, #tile.layout<[2], register = [[1]], lane = [[0], [0], [0], [0], [0], [0], [0], [0], [0], [0], [0]]>>)

// -----

// expected-error@+1 {{T15: a lane has 134217728 registers, at most 16777216 are possible}}
func.func private @registers(tensor<16777216xf32, #tile.layout<[16777216], register = [[0], [0], [0]], repeat = [[0, 16777216]]>>)

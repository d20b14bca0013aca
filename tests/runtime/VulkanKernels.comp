// Kernels for tests of the Vulkan driver: one workgroup a program, the argument words pushed. KERNEL_name chooses one.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_basic : require

#ifndef THREADS
#define THREADS 1
#endif
layout(local_size_x = THREADS) in;
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Floats {
  float at[];
};
layout(buffer_reference, std430, buffer_reference_align = 8) buffer Words {
  int64_t at[];
};

int program() { return int(gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x); }
bool isProgram(int64_t x, int64_t y, int64_t z) { return program() < x * y * z; }

#if defined(KERNEL_add)
layout(push_constant) uniform Arguments {
  Floats a, b, result;
  int64_t x, y, z;
};
void main() {
  if (isProgram(x, y, z))
    result.at[program()] = a.at[program()] + b.at[program()];
}

#elif defined(KERNEL_count)
layout(push_constant) uniform Arguments {
  Floats result;
  int64_t x, y, z;
};
void main() {
  if (isProgram(x, y, z))
    result.at[program()] = float(program());
}

#elif defined(KERNEL_weigh)
// result[0] = sum of i * parameter i, of 20 parameters: more words than are pushed, so their address is.
layout(push_constant) uniform Arguments {
  Words words;
};
void main() {
  int64_t sum = 0;
  for (int i = 0; i < 20; ++i)
    sum += i * words.at[1 + i];
  Floats(uint64_t(words.at[0])).at[0] = float(sum);
}

#elif defined(KERNEL_spin)
// Runs until the host sets the flag. Llvmpipe ends loops by itself after 65,535 rounds: ask for many programs.
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Flag {
  uint value;
};
layout(push_constant) uniform Arguments {
  Flag flag;
  int64_t x, y, z;
};
void main() {
  while (atomicAdd(flag.value, 0) == 0)
    ;
}

#elif defined(KERNEL_long)
// Counts to a parameter in two nested loops, and watches that the device does not end them, as the compiler's kernels do.
layout(buffer_reference, std430, buffer_reference_align = 4) buffer LoopWatch {
  int rounds, cut;
};
layout(constant_id = 0) const bool watchesLoops = false;
layout(push_constant) uniform Arguments {
  Floats result;
  int64_t outer, inner, x, y, z;
  layout(offset = 120) LoopWatch watch;
};
void main() {
  float sum = 0;
  for (int i = 0; i < int(outer); ++i)
    for (int j = 0; j < int(inner); ++j)
      sum += 1;
  result.at[0] = sum;
  if (watchesLoops) {
    int made = 0, wanted = watch.rounds;
    while (made < wanted)
      ++made;
    if (made != wanted)
      watch.cut = 1;
  }
}

#elif defined(KERNEL_lanes)
// Writes its subgroup's size and this lane's number in it; one workgroup.
layout(push_constant) uniform Arguments {
  Floats result;
  int64_t x, y, z;
};
void main() {
  result.at[gl_LocalInvocationIndex] = float(gl_SubgroupSize * 1000 + gl_SubgroupInvocationID);
}
#endif

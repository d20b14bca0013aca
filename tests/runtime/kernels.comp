// Kernels of the hand-made packages for Vulkan devices, as kernels.c has them for the CPU: one workgroup a program, the
// argument words pushed. KERNEL says which one is wanted.
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

#elif defined(KERNEL_twice)
layout(push_constant) uniform Arguments {
  Floats source, result;
  int64_t columns, stride0, stride1, x, y, z;
};
void main() {
  if (!isProgram(x, y, z))
    return;
  int row = program();
  for (int column = 0; column < int(columns); ++column)
    result.at[row * int(columns) + column] = 2 * source.at[row * int(stride0) + column * int(stride1)];
}

#elif defined(KERNEL_append)
layout(push_constant) uniform Arguments {
  Floats state, source, result;
  int64_t position, width, stride, x, y, z;
};
void main() {
  if (!isProgram(x, y, z))
    return;
  for (int column = 0; column < int(width); ++column) {
    state.at[int(position * stride) + column] = source.at[column];
    float sum = 0;
    for (int row = 0; row <= int(position); ++row)
      sum += state.at[row * int(stride) + column];
    result.at[column] = sum;
  }
}

#elif defined(KERNEL_count) || defined(KERNEL_variant_1) || defined(KERNEL_variant_2) || defined(KERNEL_variant_3) ||  \
    defined(KERNEL_variant_4)
layout(push_constant) uniform Arguments {
  Floats result;
  int64_t x, y, z;
};
void main() {
  if (!isProgram(x, y, z))
    return;
#if defined(KERNEL_count)
  result.at[program()] = float(program());
#elif defined(KERNEL_variant_1)
  result.at[program()] = 1;
#elif defined(KERNEL_variant_2)
  result.at[program()] = 2;
#elif defined(KERNEL_variant_3)
  result.at[program()] = 3;
#else
  result.at[program()] = 4;
#endif
}

#elif defined(KERNEL_grid)
layout(push_constant) uniform Arguments {
  Floats result;
  int64_t x, y, z;
};
void main() {
  if (!isProgram(x, y, z))
    return;
  int p = program();
  result.at[p] = float(p % int(x) + 100 * (p / int(x) % int(y)) + 10000 * (p / int(x) / int(y)));
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
// Runs until the host sets the flag.
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

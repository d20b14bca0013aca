// The precompiled header needs a target that owns it; this file is that target's only source.

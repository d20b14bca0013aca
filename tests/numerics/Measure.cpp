//===- Measure.cpp - Is an output good enough? ----------------------------===//

#include "tests/numerics/Measure.h"

#include <algorithm>
#include <cstdio>

using namespace heed::numerics;

/// Fewer numbers than this, counted in rows that see a key, are too few for an rms.
static constexpr size_t smallOutput = 4096;

/// Names the output element in terms of its indices.
static std::string describeElement(const Inputs &inputs, size_t at) {
  const Mechanism &m = inputs.mechanism;
  size_t d = at % m.valueWidth, row = at / m.valueWidth % inputs.rows;
  size_t head = at / m.valueWidth / inputs.rows % m.queryHeads, b = at / m.valueWidth / inputs.rows / m.queryHeads;
  char text[128];
  std::snprintf(text, sizeof text, "[batch %zu, head %zu, row %zu, depth %zu]", b, head, row, d);
  return text;
}

template <typename... Args> static void fail(Verdict &verdict, const char *format, Args... args) {
  char text[320];
  std::snprintf(text, sizeof text, format, args...);
  verdict.passed = false;
  verdict.reason = text;
}

/// NaN, infinity, and rows that must be zero.
static bool checkSpecial(const Inputs &inputs, const Reference &reference, std::span<const float> out,
                         Verdict &verdict) {
  for (size_t i = 0; i < out.size(); ++i) {
    if (!std::isfinite(out[i])) {
      fail(verdict, "output is %g at %s, expected %g", out[i], describeElement(inputs, i).c_str(), reference.out[i]);
      return false;
    }
    if (!reference.hasKey[i / inputs.mechanism.valueWidth] && out[i] != 0.0f) {
      fail(verdict, "output is %g at %s, a row without a visible key, expected 0", out[i],
           describeElement(inputs, i).c_str());
      return false;
    }
  }
  return true;
}

Verdict heed::numerics::judge(const Inputs &inputs, const Reference &reference, std::span<const float> out) {
  Verdict verdict;
  size_t count = reference.out.size();
  if (out.size() != count) {
    fail(verdict, "output has %zu elements, expected %zu", out.size(), count);
    return verdict;
  }
  if (!checkSpecial(inputs, reference, out, verdict))
    return verdict;
  size_t worst = 0;
  for (size_t i = 0; i < count; ++i) {
    double exact = reference.out[i], error = std::fabs(out[i] - exact), plain = std::fabs(reference.plain[i] - exact);
    if (error > verdict.maxError) {
      verdict.maxError = error;
      worst = i;
    }
    verdict.maxPlain = std::max(verdict.maxPlain, plain);
    verdict.maxOut = std::max(verdict.maxOut, std::fabs(exact));
    verdict.rmsError += error * error;
    verdict.rmsPlain += plain * plain;
    verdict.rmsOut += exact * exact;
  }
  verdict.rmsError = std::sqrt(verdict.rmsError / count);
  verdict.rmsPlain = std::sqrt(verdict.rmsPlain / count);
  verdict.rmsOut = std::sqrt(verdict.rmsOut / count);

  double spacing = relativeSpacing(inputs.mechanism.storage);
  double rmsBound = 1.25 * verdict.rmsPlain + 0.5 * spacing * verdict.rmsOut;
  double maxBound = 2.0 * verdict.maxPlain + spacing * verdict.maxOut;
  verdict.rmsFraction = rmsBound > 0 ? verdict.rmsError / rmsBound : verdict.rmsError > 0 ? 2.0 : 0.0;
  size_t counted = std::count(reference.hasKey.begin(), reference.hasKey.end(), 1) * inputs.mechanism.valueWidth;
  if (counted < smallOutput) {
    for (size_t i = 0; i < count; ++i) {
      double exact = reference.out[i];
      if (std::fabs(out[i] - exact) > 1e-7 + 1e-3 * std::fabs(exact) + maxBound) {
        fail(verdict, "output is %.9g at %s, expected %.9g within 1e-7 + 1e-3 |out| + %.2g", out[i],
             describeElement(inputs, i).c_str(), exact, maxBound);
        return verdict;
      }
    }
    return verdict;
  }
  if (verdict.rmsError > rmsBound)
    fail(verdict, "rms error %.3g exceeds %.3g (plain %.3g, rms of output %.3g); worst %.9g for %.9g at %s",
         verdict.rmsError, rmsBound, verdict.rmsPlain, verdict.rmsOut, out[worst], reference.out[worst],
         describeElement(inputs, worst).c_str());
  else if (verdict.maxError > maxBound)
    fail(verdict, "largest error %.3g exceeds %.3g (plain %.3g, largest output %.3g): %.9g for %.9g at %s",
         verdict.maxError, maxBound, verdict.maxPlain, verdict.maxOut, out[worst], reference.out[worst],
         describeElement(inputs, worst).c_str());
  return verdict;
}

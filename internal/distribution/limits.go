package distribution

import (
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strconv"

	"github.com/KimMachineGun/automemlimit/memlimit"
)

const (
	mutexProfileEnv = "PPROF_MUTEX_PROFILING_PERCENT"
	blockProfileEnv = "PPROF_BLOCK_PROFILING_RATE"

	// One contended mutex in a thousand, and blocking of more than 10 µs, are upstream's defaults: cheap enough to be always on, so that a
	// profile taken at the moment of trouble has something to show.
	defaultMutexFraction = 1000
	defaultBlockRate     = 10_000
)

// limitMemory tells the garbage collector the memory limit of the container, less a reserve of a tenth. GOMEMLIMIT and AUTOMEMLIMIT
// override it. A failure is logged and leaves the runtime without a limit, because a collector without one is better than none.
func limitMemory(logger *slog.Logger) {
	// Elsewhere there are no control groups, and automemlimit would report that as an error.
	if runtime.GOOS != "linux" {
		return
	}
	// The error is logged by automemlimit itself.
	_, _ = memlimit.SetGoMemLimitWithOpts(memlimit.WithLogger(logger))
}

// setProfileRates switches the mutex and block profiles on. The environment can set the percentage of contended mutexes to record, and the
// blocking time in nanoseconds of which one sample is recorded on average.
func setProfileRates(logger *slog.Logger) {
	fraction, err := mutexFraction(os.Getenv(mutexProfileEnv))
	if err != nil {
		logger.Error("invalid setting, the default is used", "err", err)
	}
	runtime.SetMutexProfileFraction(fraction)

	rate, err := blockRate(os.Getenv(blockProfileEnv))
	if err != nil {
		logger.Error("invalid setting, the default is used", "err", err)
	}
	runtime.SetBlockProfileRate(rate)
}

// mutexFraction returns n of "one in n" for a percentage. With an error it returns the default.
func mutexFraction(percent string) (int, error) {
	if percent == "" {
		return defaultMutexFraction, nil
	}
	n, err := strconv.Atoi(percent)
	if err != nil || n < 1 || n > 100 {
		return defaultMutexFraction, fmt.Errorf("cannot use %s=%q: want a whole number from 1 to 100", mutexProfileEnv, cut(percent))
	}
	return 100 / n, nil
}

// blockRate returns the rate in nanoseconds. With an error it returns the default.
func blockRate(nanoseconds string) (int, error) {
	if nanoseconds == "" {
		return defaultBlockRate, nil
	}
	n, err := strconv.Atoi(nanoseconds)
	if err != nil || n < 1 {
		return defaultBlockRate, fmt.Errorf("cannot use %s=%q: want a positive number of nanoseconds", blockProfileEnv, cut(nanoseconds))
	}
	return n, nil
}

// cut keeps a value that goes into an error message short.
func cut(s string) string {
	const limit = 64
	return s[:min(len(s), limit)]
}

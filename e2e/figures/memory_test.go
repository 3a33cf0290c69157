package figures

import (
	"os"
	"testing"
)

func TestMemoryIsReadInBytes(t *testing.T) {
	got, err := parseMemory([]byte("Name:\tkeda-trust\nVmHWM:\t   40960 kB\nVmRSS:\t   36864 kB\nThreads:\t9\n"))
	if want := (Memory{Resident: 36 << 20, Peak: 40 << 20}); err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	for _, status := range []string{
		"Name:\tkeda-trust\n",
		"VmHWM:\t1 kB\nVmRSS:\tmuch kB\n",
		"VmRSS:\t1 kB\n",
		"VmHWM:\t1 kB\n",
	} {
		if _, err := parseMemory([]byte(status)); err == nil {
			t.Errorf("%q: no error", status)
		}
	}
}

func TestMemoryOfThisProcessIsFound(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no /proc here")
	}
	got, err := MemoryOf(os.Getpid())
	if err != nil || got.Resident < 1<<20 || got.Peak < got.Resident {
		t.Errorf("got %v, %v", got, err)
	}
}

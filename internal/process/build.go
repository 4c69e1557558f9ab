package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Make makes targets of the Makefile in root, the folder of the repository, and
// returns the path of one of the programs that it builds.
func Make(root, program string, targets ...string) (string, error) {
	cmd := exec.Command("make", append([]string{"-s"}, targets...)...)
	cmd.Dir = root
	// A make that runs tests passes on flags that are not meant for this one.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=")
	})
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build %s: %w\n%s", program, err, out)
	}
	path, err := filepath.Abs(filepath.Join(root, "build", program))
	if err != nil {
		return "", err
	}
	// Looking at the file lets `go test` know that another one makes another result.
	_, err = os.Stat(path)
	return path, err
}

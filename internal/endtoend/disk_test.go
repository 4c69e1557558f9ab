package endtoend

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// disk is a small disk of its own, so that it can be full: a tmpfs that is mounted
// over a folder, in a mount namespace which only the processes see that are
// launched on it. User namespaces let everybody have that; where they are not
// allowed, root can do without.
type disk struct {
	dir    string
	user   bool      // It has a user namespace too.
	holder *exec.Cmd // Keeps the namespaces while no other process is in them.
}

// newDisk returns an empty disk of so many bytes over the folder.
func newDisk(t *testing.T, dir string, size int) *disk {
	t.Helper()
	for _, user := range []bool{true, false} {
		if d := mountDisk(t, dir, size, user); d != nil {
			return d
		}
	}
	require.Fail(t, "a disk that can be full needs root, or user namespaces (unshare --user --mount)",
		"Ubuntu allows them after sysctl kernel.apparmor_restrict_unprivileged_userns=0")
	return nil
}

// mountDisk returns nil where that way is not allowed.
func mountDisk(t *testing.T, dir string, size int, user bool) *disk {
	t.Helper()
	const mount = `mount -t tmpfs -o size="$1" none "$2" && echo mounted && exec sleep infinity`
	args := []string{"--mount", "sh", "-c", mount, "sh", fmt.Sprint(size), dir}
	if user {
		args = append([]string{"--user", "--map-root-user"}, args...)
	}
	d := &disk{dir: dir, user: user, holder: exec.Command("unshare", args...)}
	out, err := d.holder.StdoutPipe()
	require.NoError(t, err)
	d.holder.Stderr = os.Stderr
	require.NoError(t, d.holder.Start())
	t.Cleanup(func() {
		_ = d.holder.Process.Kill()
		_ = d.holder.Wait()
	})
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "mounted\n" {
		return nil
	}
	return d
}

// on returns the command that runs a program with the disk mounted. It has the
// program's own process id. A disk that is nil is none.
func (d *disk) on(program string, args ...string) *exec.Cmd {
	if d == nil {
		return exec.Command(program, args...)
	}
	enter := []string{"--mount", fmt.Sprintf("--target=%d", d.holder.Process.Pid)}
	if d.user {
		enter = append(enter, "--user", "--preserve-credentials")
	}
	return exec.Command("nsenter", append(append(enter, "--", program), args...)...)
}

// filler is the file that takes all room.
func (d *disk) filler() string {
	return filepath.Join("/proc", fmt.Sprint(d.holder.Process.Pid), "root", d.dir, "filler")
}

// fill takes all room that is left.
func (d *disk) fill() error {
	f, err := os.Create(d.filler())
	if err != nil {
		return err
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return fmt.Errorf("cannot fill the disk: %w", err)
		}
		err = nil
	}
	return nil
}

// free gives the room back.
func (d *disk) free() error { return os.Remove(d.filler()) }

// TestDisk makes sure that what is launched on a full disk finds it full.
func TestDisk(t *testing.T) {
	d := newDisk(t, t.TempDir(), 1<<20)
	write := func(name string) error {
		cmd := d.on("sh", "-c", `echo something > "$1"`, "sh", filepath.Join(d.dir, name))
		cmd.Stderr = io.Discard
		return cmd.Run()
	}
	require.NoError(t, write("before"))
	require.NoError(t, d.fill())
	require.Error(t, write("then"))
	require.NoError(t, d.free())
	require.NoError(t, write("after"))
	require.NoFileExists(t, filepath.Join(d.dir, "after"), "nobody else sees it")
}

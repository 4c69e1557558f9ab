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
// launched on it. User namespaces let everybody have that.
type disk struct {
	dir    string
	holder *exec.Cmd // Keeps the namespaces while no other process is in them.
}

// newDisk returns an empty disk of so many bytes over the folder.
func newDisk(t *testing.T, dir string, size int) *disk {
	t.Helper()
	const mount = `mount -t tmpfs -o size="$1" none "$2" && echo mounted && exec sleep infinity`
	d := &disk{dir: dir, holder: exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh", fmt.Sprint(size), dir)}
	out, err := d.holder.StdoutPipe()
	require.NoError(t, err)
	d.holder.Stderr = os.Stderr
	require.NoError(t, d.holder.Start())
	t.Cleanup(func() {
		_ = d.holder.Process.Kill()
		_ = d.holder.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "a disk that can be full needs user namespaces (unshare --user --mount), and they are not allowed here")
	require.Equal(t, "mounted\n", line)
	return d
}

// on returns the command that runs a program with the disk mounted. It has the
// program's own process id. A disk that is nil is none.
func (d *disk) on(program string, args ...string) *exec.Cmd {
	if d == nil {
		return exec.Command(program, args...)
	}
	enter := []string{"--user", "--mount", "--preserve-credentials", fmt.Sprintf("--target=%d", d.holder.Process.Pid), "--", program}
	return exec.Command("nsenter", append(enter, args...)...)
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

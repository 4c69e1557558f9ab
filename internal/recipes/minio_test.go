package recipes

import (
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/grafana/alloy/eks/internal/process"
)

const (
	bucket    = "archive"
	keyID     = "minio-id"
	secretKey = "minio-secret"
)

// minioProgram returns the path of build/minio. The first call builds it.
var minioProgram = sync.OnceValues(func() (string, error) { return process.Make(root, "minio", "build/minio") })

// minio is a real server of S3's interface, with one bucket. It ends with its test.
type minio struct {
	t      *testing.T
	url    string
	dir    string
	server *process.Process
	client *s3.Client
}

func startMinio(t *testing.T) *minio {
	t.Helper()
	address, err := process.FreeAddresses(1)
	require.NoError(t, err)
	m := &minio{t: t, url: "http://" + address[0], dir: t.TempDir()}
	m.start()
	m.client = s3.New(s3.Options{
		BaseEndpoint: aws.String(m.url), UsePathStyle: true, Region: region,
		Credentials: credentials.NewStaticCredentialsProvider(keyID, secretKey, ""),
	})
	_, err = m.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	require.NoError(t, err)
	return m
}

// start starts it, or starts it again with what it has stored.
func (m *minio) start() {
	m.t.Helper()
	path, err := minioProgram()
	require.NoError(m.t, err)
	env := []string{"MINIO_ROOT_USER=" + keyID, "MINIO_ROOT_PASSWORD=" + secretKey, "MINIO_BROWSER=off", "MINIO_UPDATE=off"}
	m.server, err = process.Start("MinIO", process.Command(m.t.Context(), env, path, "server", "--quiet", "--address", m.url[len("http://"):], m.dir), new(process.Output))
	require.NoError(m.t, err)
	m.t.Cleanup(m.server.End)
	require.NoError(m.t, m.server.Await(m.t.Context(), process.Ready(m.t.Context(), m.url+"/minio/health/ready")))
}

// s3Environment is what a client of S3 needs to find the server at url, and to be
// let in.
func s3Environment(url string) []string {
	return []string{"AWS_ENDPOINT_URL_S3=" + url, "AWS_REGION=" + region, "S3_BUCKET=" + bucket, "AWS_ACCESS_KEY_ID=" + keyID, "AWS_SECRET_ACCESS_KEY=" + secretKey}
}

// keys returns those of all objects, in their order.
func (m *minio) keys() []string {
	m.t.Helper()
	var keys []string
	pages := s3.NewListObjectsV2Paginator(m.client, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(m.t.Context())
		require.NoError(m.t, err)
		for _, object := range page.Contents {
			keys = append(keys, *object.Key)
		}
	}
	return keys
}

// download copies all objects into a folder, under their keys.
func (m *minio) download() (dir string) {
	m.t.Helper()
	dir = m.t.TempDir()
	for _, key := range m.keys() {
		object, err := m.client.GetObject(m.t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
		require.NoError(m.t, err)
		text, err := io.ReadAll(object.Body)
		require.NoError(m.t, err)
		require.NoError(m.t, object.Body.Close())
		path := filepath.Join(dir, filepath.FromSlash(key))
		require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(m.t, os.WriteFile(path, text, 0o600))
	}
	return dir
}

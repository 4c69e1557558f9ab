package recipes

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"
)

const region = "eu-central-1"

// keys are temporary ones, which have a token.
var keys = aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret/of+tests", SessionToken: "token=of=tests"}

// signed lets requests through that have Version 4 of AWS's signature, for a
// service of a region and made with keys, and answers 403 to others, as AWS does.
type signed struct {
	keys            aws.Credentials
	region, service string
	next            http.Handler
}

func (s signed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.check(r, body); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	s.next.ServeHTTP(w, r)
}

var (
	errSignature  = errors.New("the signature is another one")
	authorization = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=[^,]+, SignedHeaders=([a-z0-9;-]+), Signature=[0-9a-f]{64}$`)
)

// check signs what has come once more, by the SDK.
func (s signed) check(r *http.Request, body []byte) error {
	parts := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	if parts == nil {
		return fmt.Errorf("%w: there is none", errSignature)
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return fmt.Errorf("cannot read X-Amz-Date: %w", err)
	}
	if age := time.Since(at); age.Abs() > 5*time.Minute {
		return fmt.Errorf("%w: it is %s old", errSignature, age)
	}
	if r.Header.Get("X-Amz-Security-Token") != s.keys.SessionToken { // The signer puts its own one in.
		return fmt.Errorf("%w: the token is another one", errSignature)
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.RequestURI(), http.NoBody)
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(parts[1], ";") {
		if name == "content-length" {
			again.ContentLength = r.ContentLength
			continue
		}
		for _, value := range r.Header.Values(name) {
			again.Header.Add(name, value)
		}
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(r.Context(), s.keys, again, hex.EncodeToString(hash[:]), s.service, s.region, at); err != nil {
		return err
	}
	if again.Header.Get("Authorization") != r.Header.Get("Authorization") {
		return errSignature
	}
	return nil
}

// The check is worth something: nothing of a request can be changed.
func TestSigned(t *testing.T) {
	t.Parallel()
	is := signed{keys: keys, region: region, service: "aps", next: http.NotFoundHandler()}
	f := func(want int, change func(*http.Request)) {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "http://aps.example.com/workspaces/ws-1/api/v1/remote_write", strings.NewReader("samples"))
		r.Header.Set("Content-Type", "application/x-protobuf")
		hash := sha256.Sum256([]byte("samples"))
		require.NoError(t, v4.NewSigner().SignHTTP(context.Background(), keys, r, hex.EncodeToString(hash[:]), "aps", region, time.Now()))
		change(r)
		w := httptest.NewRecorder()
		is.ServeHTTP(w, r)
		require.Equal(t, want, w.Code)
	}
	f(http.StatusNotFound, func(*http.Request) {})
	f(http.StatusForbidden, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("Samples")) })
	f(http.StatusForbidden, func(r *http.Request) { r.URL.Path += "/" })
	f(http.StatusForbidden, func(r *http.Request) { r.Host = "other.example.com" })
	f(http.StatusForbidden, func(r *http.Request) { r.Method = http.MethodPut })
	f(http.StatusForbidden, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	f(http.StatusForbidden, func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "other") })
	f(http.StatusForbidden, func(r *http.Request) { r.Header.Set("X-Amz-Date", "20260101T000000Z") })
	f(http.StatusForbidden, func(r *http.Request) { r.Header.Del("Authorization") })

	for _, other := range []signed{
		{keys: aws.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: "other", SessionToken: keys.SessionToken}, region: region, service: "aps"},
		{keys: keys, region: "us-east-1", service: "aps"},
		{keys: keys, region: region, service: "osis"},
	} {
		is = other
		f(http.StatusForbidden, func(*http.Request) {})
	}
}

// podIdentity is what a pod of EKS with a role has in its environment. The keys are
// got from the agent of EKS Pod Identity, and not in the environment themselves.
func podIdentity(t *testing.T, keys aws.Credentials) []string {
	t.Helper()
	const token = "token-of-the-pod"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != token {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"AccessKeyId": keys.AccessKeyID, "SecretAccessKey": keys.SecretAccessKey, "Token": keys.SessionToken, "Expiration": time.Now().Add(time.Hour),
		})
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
	return []string{
		"AWS_REGION=" + region,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + server.URL + "/v1/credentials",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" + file,
		// Nothing of who runs the tests.
		"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=", "AWS_PROFILE=", "AWS_WEB_IDENTITY_TOKEN_FILE=",
		"AWS_CONFIG_FILE=" + file + ".none", "AWS_SHARED_CREDENTIALS_FILE=" + file + ".none",
	}
}

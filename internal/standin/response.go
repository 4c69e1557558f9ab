package standin

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"unicode/utf8"
)

const (
	// maxResponse is the largest answer with its headers, in bytes.
	maxResponse = 1 << 20
	// maxErrorMessage is the longest errorMessage, in characters.
	maxErrorMessage = 8192
)

// checkResponse returns an error when the answer does not have the form that
// Firehose demands, whatever its status. Parameters of the media type and a null
// errorMessage are let pass: endpoints in production send both.
//
// https://docs.aws.amazon.com/firehose/latest/dev/httpdeliveryrequestresponse.html#responseformat
func checkResponse(resp *http.Response, body []byte, requestID string) error {
	contentType := resp.Header.Get("Content-Type")
	if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != "application/json" {
		return fmt.Errorf("Content-Type is %.64q instead of application/json", contentType)
	}
	if encoding := resp.Header.Get("Content-Encoding"); encoding != "" {
		return fmt.Errorf("Content-Encoding is %.64q, but none is allowed", encoding)
	}
	if resp.ContentLength < 0 {
		return errors.New("Content-Length is missing")
	}
	return checkBody(body, requestID)
}

func checkBody(body []byte, requestID string) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return fmt.Errorf("body is not a JSON object: %w", err)
	}
	for name := range fields {
		if name != "requestId" && name != "timestamp" && name != "errorMessage" {
			return fmt.Errorf("body has an unexpected field %.64q", name)
		}
	}
	if err := checkRequestID(fields["requestId"], requestID); err != nil {
		return err
	}
	if _, err := strconv.ParseInt(string(fields["timestamp"]), 10, 64); err != nil {
		return fmt.Errorf("timestamp is %.64q instead of a number of milliseconds", fields["timestamp"])
	}
	return checkErrorMessage(fields["errorMessage"])
}

func checkRequestID(raw json.RawMessage, want string) error {
	var got *string
	if err := json.Unmarshal(orNull(raw), &got); err != nil || got == nil {
		return errors.New("requestId is missing or not a string")
	}
	if *got != want {
		return fmt.Errorf("requestId is %.64q instead of %q", *got, want)
	}
	return nil
}

func checkErrorMessage(raw json.RawMessage) error {
	var message *string
	if err := json.Unmarshal(orNull(raw), &message); err != nil {
		return errors.New("errorMessage is not a string")
	}
	if message != nil && utf8.RuneCountInString(*message) > maxErrorMessage {
		return fmt.Errorf("errorMessage has more than %d characters", maxErrorMessage)
	}
	return nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

package metrics

import (
	"errors"

	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// The reasons for which a receiver refuses a sample for ever.
const (
	reasonOutOfOrder  = "out_of_order"
	reasonTooOld      = "too_old"
	reasonOutOfBounds = "out_of_bounds"
	reasonDuplicate   = "duplicate"
	reasonInvalid     = "invalid"
)

func rejections() []string {
	return []string{reasonOutOfOrder, reasonTooOld, reasonOutOfBounds, reasonDuplicate, reasonInvalid}
}

// rejection names the reason for which a sample is refused for ever; it is empty
// when another attempt could do. Where there are several receivers, and one of them
// may take the sample later, it is another attempt that is worth while: the others
// know what they have.
func rejection(err error) string {
	var several []error
	switch e := err.(type) { //nolint:errorlint // A look at the outside of the error, which says whether there are several.
	case interface{ WrappedErrors() []error }:
		several = e.WrappedErrors()
	case interface{ Unwrap() []error }:
		several = e.Unwrap()
	default:
		return rejectionOf(err)
	}
	reason := ""
	for _, e := range several {
		if reason = rejection(e); reason == "" {
			return ""
		}
	}
	return reason
}

func rejectionOf(err error) string {
	switch {
	case errors.Is(err, storage.ErrOutOfOrderSample):
		return reasonOutOfOrder
	case errors.Is(err, storage.ErrTooOldSample):
		return reasonTooOld
	case errors.Is(err, storage.ErrOutOfBounds):
		return reasonOutOfBounds
	case errors.Is(err, storage.ErrDuplicateSampleForTimestamp):
		return reasonDuplicate
	case errors.Is(err, tsdb.ErrInvalidSample):
		return reasonInvalid
	}
	return ""
}

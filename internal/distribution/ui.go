package distribution

import (
	"fmt"
	"net/http"
	"path"

	"github.com/gorilla/mux"

	"github.com/grafana/alloy/internal/service"
	httpservice "github.com/grafana/alloy/internal/service/http"
	"github.com/grafana/alloy/internal/service/ui"
	"github.com/grafana/alloy/internal/web/api"

	"github.com/grafana/alloy/eks/internal/webui"
)

// uiService is Alloy's ui service with pages that are compiled into this distribution. Alloy's own looks for them in the working directory.
type uiService struct {
	*ui.Service
	options ui.Options
	pages   http.Handler
}

var _ httpservice.ServiceHandler = (*uiService)(nil)

func newUIService(options ui.Options) (*uiService, error) {
	pages, err := webui.Handler(options.UIPrefix)
	if err != nil {
		return nil, fmt.Errorf("cannot make the ui service: %w", err)
	}
	return &uiService{Service: ui.New(options), options: options, pages: pages}, nil
}

// ServiceHandler implements httpservice.ServiceHandler: the web API, and the pages on every other path.
func (s *uiService) ServiceHandler(host service.Host) (base string, handler http.Handler) {
	router := mux.NewRouter()
	api.NewAlloyAPI(host, s.options.CallbackManager, s.options.Logger).RegisterRoutes(path.Join(s.options.UIPrefix, "/api/v0/web"), router)
	router.PathPrefix(s.options.UIPrefix).Handler(s.pages)
	return s.options.UIPrefix, router
}

package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"github.com/grafana/alloy/eks/internal/throughput/floor"
)

func newFloorCommand() *cobra.Command {
	var listen, kind, pushURL string
	cmd := &cobra.Command{
		Use:    "floor",
		Short:  "Do what must be done for each log line and nothing else",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := floor.New(floor.Kind(kind), pushURL)
			if err != nil {
				return err
			}
			mux := http.NewServeMux()
			mux.Handle("POST "+pushPath, h)
			mux.Handle("GET "+metricsPath, promhttp.Handler())
			mux.HandleFunc("GET "+readyPath, func(http.ResponseWriter, *http.Request) {})
			return serve(cmd.Context(), listen, mux)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "loopback address to listen on")
	cmd.Flags().StringVar(&kind, "kind", "", "kind of records")
	cmd.Flags().StringVar(&pushURL, "push-url", "", "where entries are sent")
	return cmd
}

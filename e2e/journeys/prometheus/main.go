// Command prometheus answers KEDA's Prometheus scaler as Prometheus does, and
// knows one expression, vector(N), whose value is N.
//
// It promises that it serves the certificate that its directory holds at each
// handshake, and plain HTTP where it is given none. It must never know who asks.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"path/filepath"
	"regexp"
	"time"
)

var vector = regexp.MustCompile(`^vector\((\d+)\)$`)

func main() {
	address := flag.String("address", ":9090", "where to listen")
	directory := flag.String("certificate", "", "directory with tls.crt and tls.key; empty for plain HTTP")
	flag.Parse()
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v1/query", query)
	server := &http.Server{Addr: *address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	if *directory == "" {
		log.Fatal(server.ListenAndServe())
	}
	server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(filepath.Join(*directory, "tls.crt"), filepath.Join(*directory, "tls.key"))
		if err != nil {
			return nil, fmt.Errorf("reading the certificate: %w", err)
		}
		return &pair, nil
	}}
	log.Fatal(server.ListenAndServeTLS("", ""))
}

// query answers an instant query, in the format of Prometheus' HTTP API, v1.
func query(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	asked := vector.FindStringSubmatch(r.FormValue("query"))
	if asked == nil {
		w.WriteHeader(http.StatusBadRequest)
		answer(w, map[string]any{"status": "error", "errorType": "bad_data", "error": "no vector(N)"})
		return
	}
	sample := map[string]any{"metric": map[string]string{}, "value": []any{time.Now().Unix(), asked[1]}}
	answer(w, map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": []any{sample}}})
}

func answer(w http.ResponseWriter, body any) {
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print(err)
	}
}

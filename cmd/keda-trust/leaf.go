package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"strings"
)

// readLeaf takes a file apart as the Secret would hold it: tls.crt with its
// certificates, and tls.key with the private key if there is one.
func readLeaf(name string) (map[string][]byte, error) {
	content, err := readPEMFile(name)
	if err != nil {
		return nil, err
	}
	data := map[string][]byte{}
	blocks := 0
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		blocks++
		key := "tls.crt"
		if strings.HasSuffix(block.Type, "PRIVATE KEY") || block.Type == "EC PARAMETERS" {
			key = "tls.key"
		}
		data[key] = append(data[key], pem.EncodeToMemory(block)...)
	}
	switch {
	case bytes.Count(content, []byte("-----BEGIN ")) != blocks: // Decode skips what it cannot read
		return nil, fmt.Errorf("%s: a block is cut off or damaged; copy all of it", name)
	case len(data["tls.crt"]) == 0 && blocks > 0:
		return nil, fmt.Errorf("%s: it has a private key and no certificate; want the certificate, and its key if it is to be proven", name)
	case blocks == 0:
		return nil, fmt.Errorf("%s: it has no CERTIFICATE block; allowed is PEM", name)
	}
	return data, nil
}

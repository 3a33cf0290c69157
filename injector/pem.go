package injector

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// maxBlockBytes bounds the encoded body of one PEM block; the largest
// certificates met in practice, post-quantum ones included, need a third.
const maxBlockBytes = 64 << 10

const (
	certificateLabel = "CERTIFICATE"
	dashes           = "-----"
	beginMarker      = "-----BEGIN "
	endMarker        = "-----END "
)

// BundleErrorKind says what is wrong with a PEM text, for callers that branch.
type BundleErrorKind string

// The kinds of BundleError.
const (
	BundleEmpty           BundleErrorKind = "Empty"           // no block, nothing but blanks and comments
	BundleNotPEM          BundleErrorKind = "NotPEM"          // DER, UTF-16 or text without a block
	BundleTooLarge        BundleErrorKind = "TooLarge"        // the whole, one block or a key in it
	BundleTruncated       BundleErrorKind = "Truncated"       // a BEGIN without its END, or the reverse
	BundlePrivateKey      BundleErrorKind = "PrivateKey"      // a private key where certificates belong
	BundleUnexpectedBlock BundleErrorKind = "UnexpectedBlock" // another type of block, or headers in one
	BundleBadBlock        BundleErrorKind = "BadBlock"        // a body that is not base64
	BundleBadCertificate  BundleErrorKind = "BadCertificate"  // a body that is not a usable certificate
)

// BundleError says what a strict PEM reader met, where, and what is allowed.
// Its text never repeats what a block contains.
type BundleError struct {
	Kind BundleErrorKind
	// Block counts from one; zero is the text as a whole.
	Block   int
	problem string
	err     error
}

func (e *BundleError) Error() string {
	if e.Block == 0 {
		return e.problem
	}
	return fmt.Sprintf("block %d %s", e.Block, e.problem)
}

// Unwrap gives the parser's own error, if there is one.
func (e *BundleError) Unwrap() error { return e.err }

func bundleError(kind BundleErrorKind, block int, format string, args ...any) *BundleError {
	return &BundleError{Kind: kind, Block: block, problem: fmt.Sprintf(format, args...)}
}

type pemBlock struct {
	index int
	label string
	der   []byte
}

// pemReader reads line by line and looks at each byte once. encoding/pem
// rescans the rest of its input for each broken block, which is quadratic for
// crafted input (GHSA-r4pg-vg54-wxx4), and it skips in silence what it cannot
// read, which turns a typing error into a missing CA.
type pemReader struct {
	// accept judges a label before the body is read, so that a private key
	// is called one also where it is broken.
	accept func(block int, label string) *BundleError

	blocks []pemBlock
	open   bool
	label  string
	body   []byte
	text   bool
}

// readPEM returns all blocks of data, or an error for the first thing that is
// neither a block, a comment nor blank. what names the data in errors.
func readPEM(data []byte, what string, limit int, accept func(block int, label string) *BundleError) ([]pemBlock, error) {
	if err := checkText(data, what, limit); err != nil {
		return nil, err
	}
	r := &pemReader{accept: accept}
	for line := range bytes.Lines(data) {
		if err := r.line(bytes.TrimRight(line, " \t\r\n")); err != nil {
			return nil, err
		}
	}
	if r.open {
		return nil, bundleError(BundleTruncated, r.position(), "is cut off: its END line is missing; copy the whole block")
	}
	if len(r.blocks) > 0 {
		return r.blocks, nil
	}
	if r.text {
		return nil, bundleError(BundleNotPEM, 0, "the %s has text but no PEM block; allowed is PEM, which begins with %q", what, beginMarker)
	}
	return nil, bundleError(BundleEmpty, 0, "the %s is empty; at least one PEM block is needed", what)
}

func checkText(data []byte, what string, limit int) error {
	if len(data) > limit {
		return bundleError(BundleTooLarge, 0, "the %s has %d bytes, allowed are %d; keep only the certificates that are needed", what, len(data), limit)
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return bundleError(BundleNotPEM, 0, "the %s is UTF-16 text; save it as UTF-8 or ASCII", what)
	}
	if isDER(data) {
		return bundleError(BundleNotPEM, 0, "the %s is DER, allowed is PEM; convert a certificate with: openssl x509 -inform der -in FILE", what)
	}
	return nil
}

// isDER recognises an ASN.1 SEQUENCE with a long length, as every certificate,
// key and PKCS#12 file begins; no text does.
func isDER(data []byte) bool {
	return len(data) > 1 && data[0] == 0x30 && data[1] > 0x80 && data[1] <= 0x84
}

// position is the number of the block that is open or would come next.
func (r *pemReader) position() int { return len(r.blocks) + 1 }

func (r *pemReader) line(line []byte) error {
	if r.open {
		return r.inside(line)
	}
	return r.outside(line)
}

// outside reads a line between blocks. A byte order mark may stand before any
// block, since files are concatenated.
func (r *pemReader) outside(line []byte) error {
	line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	if len(line) == 0 || line[0] == '#' {
		return nil
	}
	if label, ok := marker(line, beginMarker); ok {
		return r.begin(label)
	}
	if looksLikeBlock(line) {
		return bundleError(BundleTruncated, r.position(), "is broken: outside of a block stands a piece of one; "+
			"each BEGIN and END needs a line of its own, without indentation, and its counterpart")
	}
	r.text = true
	return nil
}

func (r *pemReader) begin(label string) error {
	if err := r.accept(r.position(), label); err != nil {
		return err
	}
	r.open, r.label, r.body = true, label, nil
	return nil
}

func (r *pemReader) inside(line []byte) error {
	if label, ok := marker(line, endMarker); ok && label == r.label {
		return r.end()
	}
	if bytes.Contains(line, []byte(dashes)) {
		return bundleError(BundleTruncated, r.position(), "is cut off: another marker stands where its END line should; "+
			"copy the whole block, with each BEGIN and END on a line of its own")
	}
	if bytes.IndexByte(line, ':') >= 0 {
		return bundleError(BundleUnexpectedBlock, r.position(), "has headers, allowed are blocks without; an encrypted key must be decrypted first")
	}
	if len(r.body)+len(line) > maxBlockBytes {
		return bundleError(BundleTooLarge, r.position(), "has more than %d bytes", maxBlockBytes)
	}
	for _, c := range line {
		if c != ' ' && c != '\t' {
			r.body = append(r.body, c)
		}
	}
	return nil
}

func (r *pemReader) end() error {
	der := make([]byte, base64.StdEncoding.DecodedLen(len(r.body)))
	n, err := base64.StdEncoding.Decode(der, r.body)
	if err != nil || n == 0 {
		e := bundleError(BundleBadBlock, r.position(), "is damaged: its body is empty or not base64; copy it again")
		e.err = err
		return e
	}
	r.blocks = append(r.blocks, pemBlock{index: r.position(), label: r.label, der: der[:n]})
	r.open = false
	return nil
}

// marker returns the label of a line that is a BEGIN or END line and nothing
// else.
func marker(line []byte, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(string(line), prefix)
	if !ok {
		return "", false
	}
	label, ok := strings.CutSuffix(rest, dashes)
	return label, ok && label != "" && !strings.Contains(label, "-")
}

// looksLikeBlock recognises what is left of a block that lost its markers: a
// marker that is not alone on its line, one that was cut, or a body.
func looksLikeBlock(line []byte) bool {
	if bytes.Contains(line, []byte("-----BEGIN")) || bytes.Contains(line, []byte("-----END")) {
		return true
	}
	if trimmed := string(bytes.TrimLeft(line, "-")); trimmed != "" && len(trimmed) < len(line) {
		return strings.HasPrefix("BEGIN ", trimmed) || strings.HasPrefix("END ", trimmed) //nolint:gocritic // the line is what is left of the marker
	}
	// "MII" begins every DER sequence of 256 bytes and more in base64.
	return bytes.HasPrefix(line, []byte("MII")) && len(line) >= 32 && !slices.ContainsFunc(line, notBase64)
}

func notBase64(c byte) bool {
	letter := 'a' <= c|0x20 && c|0x20 <= 'z'
	digit := '0' <= c && c <= '9'
	return !letter && !digit && c != '+' && c != '/' && c != '='
}

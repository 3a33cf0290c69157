package trust

import (
	"bytes"
	"time"

	"github.com/keda-trust/keda-trust/injector"
)

// certificates are a leaf and the CAs that are trusted beside it.
type certificates struct {
	leaf injector.Leaf // zero for none that can be used
	ca   injector.Bundle
}

// move is what brings what is published nearer to what is wanted.
type move string

const (
	moveReplace move = "replace" // nothing is published that anybody could use
	moveOrdered move = "ordered" // somebody asked for it at once
	moveDrop    move = "drop"    // CAs that neither leaf needs: of one before, or of a change given up
	moveAdd     move = "add"     // the CAs of the next leaf
	moveSwitch  move = "switch"  // the next leaf
	movePrune   move = "prune"   // CAs that verify the leaf, but are not wanted any more
	moveNone    move = "none"
)

// step is the next thing to publish.
type step struct {
	move move
	to   certificates
	// gated: not before all consumers have what is published now.
	gated bool
}

// circumstances are what a step depends on beside the certificates.
type circumstances struct {
	now time.Time
	// immediate: a rotation was ordered at once, whoever still needs the old CA.
	immediate bool
	// overtaken names a caBundle of another owner's that verifies the leaf that is wanted,
	// and no longer the one that is published; empty for none.
	overtaken string
	// aged: what is published has been out for longer than anybody is waited for.
	aged bool
}

// next decides by what is published and what is wanted alone, so that whoever
// comes after a crash goes on where it happened. It is pure. The first row that
// fits is the answer; a dash is "whatever". CAs of nobody verify neither the leaf
// that is published nor are they wanted:
//
//	published     ordered  CAs of nobody  CAs lacking  leaf     CAs to spare  answer
//	no leaf       -        -              -            -        -             replace  wanted, and CAs published so far
//	useless leaf  -        -              -            -        -             replace  wanted
//	usable        yes      any difference                                     ordered  wanted
//	overtaken     no       -              -            other    -             switch   the leaf, with the CAs of both
//	usable        no       yes            -            renewed  -             switch   the leaf
//	usable        no       yes            -            any      -             drop     those, gated
//	usable        no       no             yes          -        -             add      those
//	usable        no       no             no           renewed  -             switch   the leaf
//	usable        no       no             no           other    -             switch   the leaf, gated
//	usable        no       no             no           wanted   yes           prune    those, gated
//	usable        no       no             no           wanted   no            none
//
// No row publishes more than the CAs of one leaf and those of the next. Equal CAs
// in another order are equal. A useless leaf has ended, or no CA beside it
// verifies it: no handshake is left that could fail.
//
// An overtaken leaf is one that the API server refuses already, for another owner put
// the CA of the next in place of its own. To wait for the others would only lengthen that.
//
// Whoever keeps a CA from being dropped, for as long as that may be, does not keep a
// renewed leaf from being published: it would end unrenewed for everybody.
func next(have, want certificates, c circumstances) step {
	if have.leaf.Certificate() == nil {
		return step{move: moveReplace, to: certificates{want.leaf, injector.Union(want.ca, have.ca)}}
	}
	own := have.ca.Verifying(have.leaf, c.now)
	same := bytes.Equal(have.leaf.CertPEM, want.leaf.CertPEM)
	renewed := !same && renews(want.leaf, own, c)
	ofNobody := have.ca.Without(injector.Union(own, want.ca))
	lacking, spare := want.ca.Without(have.ca), have.ca.Without(want.ca)
	if same {
		have.leaf = want.leaf // the key may be written in another way
	}
	switch {
	case own.Len() == 0:
		return step{move: moveReplace, to: want}
	case same && lacking.Len()+spare.Len() == 0:
		return step{move: moveNone, to: have}
	case c.immediate:
		return step{move: moveOrdered, to: want}
	case !same && c.overtaken != "":
		return step{move: moveSwitch, to: certificates{want.leaf, injector.Union(have.ca.Without(ofNobody), want.ca)}}
	case ofNobody.Len() > 0 && !renewed:
		return step{move: moveDrop, to: certificates{have.leaf, have.ca.Without(ofNobody)}, gated: true}
	case ofNobody.Len() == 0 && lacking.Len() > 0:
		return step{move: moveAdd, to: certificates{have.leaf, injector.Union(have.ca, want.ca)}}
	case !same:
		return step{move: moveSwitch, to: certificates{want.leaf, have.ca}, gated: !renewed}
	}
	return step{move: movePrune, to: want, gated: true}
}

// renews says whether the leaf needs nothing that is not out: a CA that verifies the
// published one verifies it as well, and has been out for longer than anybody is
// waited for.
func renews(leaf injector.Leaf, own injector.Bundle, c circumstances) bool {
	return c.aged && own.Verifying(leaf, c.now).Len() > 0
}

// stage is how far a change of certificate has come. Its values are a label.
type stage string

const (
	stageSteady    stage = "steady"    // what is published is what is wanted
	stageTrusting  stage = "trusting"  // the next CA is published; its leaf waits for all to have it
	stageServing   stage = "serving"   // the leaf that is wanted is published; a CA that it does not need waits for all to serve it
	stageFollowing stage = "following" // the certificate that is wanted was published at once, and nothing else is trusted; handshakes fail until all serve it
	stageReturning stage = "returning" // a change has begun before one had ended; a CA that neither leaf needs waits to go first
)

var stages = []stage{stageSteady, stageTrusting, stageServing, stageFollowing, stageReturning}

// stageBefore is the stage that ends with a step. Whether a CA that has to go is the one
// before or that of a change given up cannot be told from what is published, and is the
// same to whoever waits.
func stageBefore(s step, want certificates) stage {
	served := bytes.Equal(s.to.leaf.CertPEM, want.leaf.CertPEM)
	switch {
	case s.move == moveNone:
		return stageSteady
	case s.move == movePrune, s.move == moveDrop && served:
		return stageServing
	case s.move == moveDrop:
		return stageReturning
	}
	return stageTrusting
}

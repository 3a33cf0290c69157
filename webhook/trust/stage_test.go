package trust

import (
	"testing"
	"time"

	"github.com/keda-trust/keda-trust/injector"
	"github.com/keda-trust/keda-trust/injector/certtest"
)

func bundleOf(t testing.TB, cas ...certtest.CA) injector.Bundle {
	t.Helper()
	var pem []byte
	for _, ca := range cas {
		pem = append(pem, ca.CertPEM...)
	}
	parsed, err := injector.ParseBundle(pem)
	if err != nil && len(cas) > 0 {
		t.Fatal(err)
	}
	return parsed
}

func leafOf(t testing.TB, ca certtest.CA, edits ...certtest.Edit) injector.Leaf {
	t.Helper()
	pair := ca.Leaf(t, certtest.KEDANames("keda"), edits...)
	leaf, err := injector.ParseLeaf(pair.CertPEM, pair.KeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

func (c certificates) equal(other certificates) bool {
	return string(c.leaf.CertPEM) == string(other.leaf.CertPEM) && c.ca.Equal(other.ca)
}

func TestNextIsOneStepOfAChangeOfCertificate(t *testing.T) {
	t.Parallel()
	now := certtest.Now
	a, b, c := certtest.NewCA(t, "A"), certtest.NewCA(t, "B"), certtest.NewCA(t, "C")
	la, lb, lc, renewed, renewedB := leafOf(t, a), leafOf(t, b), leafOf(t, c), leafOf(t, a), leafOf(t, b)
	ended := leafOf(t, a, certtest.Between(now.AddDate(0, -2, 0), now.AddDate(0, -1, 0)))
	with := func(leaf injector.Leaf, cas ...certtest.CA) certificates {
		return certificates{leaf, bundleOf(t, cas...)}
	}
	none := injector.Leaf{}
	at := func(edit func(*circumstances)) circumstances {
		c := circumstances{now: now}
		if edit != nil {
			edit(&c)
		}
		return c
	}
	immediate := at(func(c *circumstances) { c.immediate = true })
	aged := at(func(c *circumstances) { c.aged = true })
	overtaken := at(func(c *circumstances) { c.overtaken = "APIService" })
	for name, test := range map[string]struct {
		have, want certificates
		c          circumstances
		move       move
		to         certificates
		gated      bool
		stage      stage
	}{
		"nothing is published":                        {certificates{}, with(la, a), at(nil), moveReplace, with(la, a), false, stageTrusting},
		"the leaf is lost, its CA is not":             {with(none, a), with(lb, b), at(nil), moveReplace, with(lb, b, a), false, stageTrusting},
		"the leaf has ended":                          {with(ended, a), with(lb, b), at(nil), moveReplace, with(lb, b), false, stageTrusting},
		"no CA verifies the leaf":                     {with(la, c), with(lb, b), at(nil), moveReplace, with(lb, b), false, stageTrusting},
		"at once, as ordered":                         {with(la, a), with(lb, b), immediate, moveOrdered, with(lb, b), false, stageTrusting},
		"at once, in the middle":                      {with(lb, a, b), with(lb, b), immediate, moveOrdered, with(lb, b), false, stageTrusting},
		"nothing to order":                            {with(la, a), with(la, a), immediate, moveNone, with(la, a), false, stageSteady},
		"another CA and leaf":                         {with(la, a), with(lb, b), at(nil), moveAdd, with(la, a, b), false, stageTrusting},
		"both CAs are there":                          {with(la, a, b), with(lb, b), at(nil), moveSwitch, with(lb, a, b), true, stageTrusting},
		"both CAs were there for long":                {with(la, a, b), with(lb, b), aged, moveSwitch, with(lb, a, b), true, stageTrusting},
		"the new leaf is there":                       {with(lb, a, b), with(lb, b), at(nil), moveDrop, with(lb, b), true, stageServing},
		"all is as wanted":                            {with(lb, b), with(lb, b), at(nil), moveNone, with(lb, b), false, stageSteady},
		"in another order":                            {with(lb, c, b), with(lb, b, c), at(nil), moveNone, with(lb, c, b), false, stageSteady},
		"a renewal by the same CA":                    {with(la, a), with(renewed, a), at(nil), moveSwitch, with(renewed, a), true, stageTrusting},
		"a renewal of what was published long ago":    {with(la, a), with(renewed, a), aged, moveSwitch, with(renewed, a), false, stageTrusting},
		"a renewal while the CA before waits":         {with(lb, a, b), with(renewedB, b), at(nil), moveDrop, with(lb, b), true, stageReturning},
		"a renewal when it has waited for long":       {with(lb, a, b), with(renewedB, b), aged, moveSwitch, with(renewedB, a, b), false, stageTrusting},
		"a renewal then, and another CA":              {with(lb, a, b), with(renewedB, b, c), aged, moveSwitch, with(renewedB, a, b), false, stageTrusting},
		"a renewal of what a change was given up for": {with(la, a, b), with(renewed, a), aged, moveSwitch, with(renewed, a, b), false, stageTrusting},
		"a third that waits for long":                 {with(lb, a, b), with(lc, c), aged, moveDrop, with(lb, b), true, stageReturning},
		"overtaken by the owner of a caBundle":        {with(la, a), with(lb, b), overtaken, moveSwitch, with(lb, a, b), false, stageTrusting},
		"overtaken in the middle":                     {with(la, a, b), with(lb, b), overtaken, moveSwitch, with(lb, a, b), false, stageTrusting},
		"overtaken by a third":                        {with(la, a, b), with(lc, c), overtaken, moveSwitch, with(lc, a, c), false, stageTrusting},
		"overtaken, and ordered":                      {with(la, a), with(lb, b), at(func(c *circumstances) { c.immediate, c.overtaken = true, "APIService" }), moveOrdered, with(lb, b), false, stageTrusting},
		"overtaken before":                            {with(lb, a, b), with(lb, b), overtaken, moveDrop, with(lb, b), true, stageServing},
		"the source overlaps by itself":               {with(la, a), with(la, a, b), at(nil), moveAdd, with(la, a, b), false, stageTrusting},
		"the source prunes by itself":                 {with(la, a, c), with(la, a), at(nil), moveDrop, with(la, a), true, stageServing},
		"given up for a third, before its leaf":       {with(la, a, b), with(lc, c), at(nil), moveDrop, with(la, a), true, stageReturning},
		"given up for a third, with its leaf":         {with(lb, a, b), with(lc, c), at(nil), moveDrop, with(lb, b), true, stageReturning},
		"given up for the one before, with its leaf":  {with(lb, a, b), with(la, a), at(nil), moveSwitch, with(la, a, b), true, stageTrusting},
		"given up for the one before, in time":        {with(la, a, b), with(la, a), at(nil), moveDrop, with(la, a), true, stageServing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := next(test.have, test.want, test.c)
			if got.move != test.move || got.gated != test.gated || !got.to.equal(test.to) {
				t.Errorf("%s to %s with %d CAs, gated %v; want %s to %s with %d CAs, gated %v",
					got.move, got.to.leaf, got.to.ca.Len(), got.gated, test.move, test.to.leaf, test.to.ca.Len(), test.gated)
			}
			if s := stageBefore(got, test.want); s != test.stage {
				t.Errorf("stage %s, want %s", s, test.stage)
			}
		})
	}
}

func TestACAThatIsRenewedWithItsKeyIsPrunedOnceItsSuccessorIsTrusted(t *testing.T) {
	t.Parallel()
	a := certtest.NewCA(t, "A")
	again := a.Reissue(t)
	la := leafOf(t, a)
	have, want := certificates{la, bundleOf(t, a)}, certificates{la, bundleOf(t, again)}
	for _, move := range []move{moveAdd, movePrune, moveNone} {
		got := next(have, want, circumstances{now: certtest.Now})
		if got.move != move {
			t.Fatalf("%s, want %s", got.move, move)
		}
		have = got.to
	}
}

// Whatever is wanted, and whenever that changes, every step keeps to two
// generations, adds no CA with the leaf that needs it, and drops none that the
// leaf before needs; and when it no longer changes it ends at what is wanted.
func TestAnySequenceOfChangesKeepsToTwoGenerationsAndEnds(t *testing.T) {
	t.Parallel()
	first := certtest.NewCA(t, "Same")
	generations := []certificates{{leafOf(t, first), bundleOf(t, first)}, {leafOf(t, first), bundleOf(t, first)}} // and renewed
	for range 3 {
		ca := certtest.NewCA(t, "Same")
		generations = append(generations, certificates{leafOf(t, ca), bundleOf(t, ca)})
	}
	for _, aged := range []bool{false, true} {
		wantTwoGenerationsAndAnEnd(t, generations, circumstances{now: certtest.Now, aged: aged})
	}
}

func wantTwoGenerationsAndAnEnd(t *testing.T, generations []certificates, c circumstances) {
	t.Helper()
	var walk func(have certificates, depth int)
	walk = func(have certificates, depth int) {
		if depth == 0 {
			return
		}
		for _, want := range generations {
			got := next(have, want, c).to
			if got.ca.Len() > 2 {
				t.Fatalf("%d generations", got.ca.Len())
			}
			if have.ca.Verifying(got.leaf, c.now).Len() == 0 || got.ca.Verifying(have.leaf, c.now).Len() == 0 {
				t.Fatal("one of two stages that follow each other does not verify the leaf of the other")
			}
			walk(got, depth-1)
		}
		for have, want, steps := have, generations[0], 0; ; steps++ {
			s := next(have, want, c)
			if s.move == moveNone {
				if !have.equal(want) {
					t.Fatal("it ends elsewhere")
				}
				break
			}
			if have = s.to; steps > 5 {
				t.Fatal("it does not end")
			}
		}
	}
	walk(generations[0], 4)
}

func TestOnlyAnotherContentOfTheSourcesIsHeldBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	ago := func(age time.Duration) followed {
		return followed{target: "one", asked: "as", published: now.Add(-age)}
	}
	incomplete := ago(0)
	incomplete.incomplete = true
	for name, c := range map[string]struct {
		f             followed
		target, asked string
		want          time.Duration
	}{
		"nothing is published":   {followed{}, "two", "as", 0},
		"no CA was known":        {incomplete, "two", "as", 0},
		"under way to it":        {ago(time.Second), "one", "as", 0},
		"somebody asks":          {ago(time.Second), "two", "otherwise", 0},
		"too soon":               {ago(20 * time.Second), "two", "as", 40 * time.Second},
		"after a quiet time":     {ago(time.Minute), "two", "as", 0},
		"by a clock that is off": {ago(-time.Hour), "two", "as", 0},
	} {
		if got := c.f.heldBack(c.target, c.asked, now, time.Minute); got != c.want {
			t.Errorf("%s: held back for %s, want %s", name, got, c.want)
		}
	}
}

func TestAnEpisodeIsThreeChangesWithoutRest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var e episode
	look := func(after time.Duration, wanted string, want bool) {
		t.Helper()
		now = now.Add(after)
		if e = e.look(wanted, now, time.Minute); e.flaps() != want {
			t.Errorf("after %s, %s: flaps %v, want %v", after, wanted, e.flaps(), want)
		}
	}
	look(0, "a", false)
	look(time.Hour, "b", false)
	look(time.Second, "a", false)
	look(time.Second, "b", true)
	look(time.Second, "b", true)
	look(30*time.Second, "a", true)
	look(time.Minute, "a", false)
	look(time.Second, "b", false)
	look(2*time.Minute, "a", false)
	look(2*time.Minute, "b", false)
}

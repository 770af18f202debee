"""The words that the generated corpus is made of, the common ones first in each list."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NOUNS = _words(
    """service request team change record system release key account customer index document page
    backup network report table version database server queue cluster deploy review test token
    policy node disk memory limit failure incident timeout schedule region user log message column
    file folder branch build pipeline invoice contract ticket owner role password session cache
    replica snapshot migration rollback volume partition batch worker process thread socket proxy
    gateway certificate secret vault audit finding risk budget estimate forecast quarter meeting
    agenda minute decision proposal draft appendix figure measurement sample baseline threshold
    alert dashboard metric counter histogram latency throughput bandwidth packet header payload
    checksum signature cursor transaction lock lease shard ledger manifest registry container image
    kernel driver firmware sensor valve pump turbine harbour vessel crane berth tide forecast
    shipment pallet warehouse carrier tariff customs declaration manifesto inspection permit zone
    laboratory specimen reagent protocol trial cohort placebo dosage symptom diagnosis clinic
    tissue enzyme protein genome sequence mutation antibody receptor membrane residue hypothesis
    survey respondent interview transcript archive catalogue manuscript translation glossary
    syllabus lecture seminar thesis reference citation paragraph clause amendment statute tribunal
    verdict plaintiff covenant liability indemnity royalty dividend mortgage pension annuity
    premium deductible underwriter actuary portfolio hedge collateral maturity coupon yield
    aquifer sediment estuary watershed reservoir irrigation fertiliser harvest orchard pasture
    greenhouse compost drought frost canopy understorey pollinator habitat corridor wetland
    scaffold girder mortar joist rafter insulation conduit thermostat radiator boiler ventilation
    elevator stairwell corridor courtyard facade parapet drainage culvert embankment viaduct
    locomotive bogie catenary signalbox siding timetable turnstile concourse platform tramway"""
)
VERBS = _words(
    """use need change check mention load mail note print start open move store name call return
    replace remove add create update review approve reject measure compare record report describe
    explain follow support require allow prevent limit reduce increase improve restore copy merge
    divide assign schedule rotate revoke renew inspect calibrate publish archive translate negotiate
    validate reconcile provision retire throttle replicate encrypt decode normalise
    aggregate annotate escalate delegate mitigate investigate reproduce estimate extrapolate
    dredge moor unload irrigate prune ferment filter centrifuge sequence transcribe ratify
    indemnify amortise underwrite liquidate excavate reinforce insulate ventilate signal"""
)
ADJECTIVES = _words(
    """new old small large first last local remote open closed slow fast safe stale empty full
    common rare daily weekly manual automatic public private internal external current previous
    primary secondary temporary permanent single double early late clear strict shared separate
    expired pending critical minor routine unplanned redundant consistent durable idempotent
    asynchronous encrypted deprecated experimental regional seasonal brackish coastal statutory
    contractual fiduciary longitudinal randomised asymptomatic thermal structural acoustic
    hydraulic pneumatic perennial deciduous alluvial granular porous translucent"""
)
ADVERBS = _words(
    """usually always never often once again slowly quickly first later together separately
    manually automatically twice rarely safely quietly gradually immediately explicitly
    approximately retroactively independently concurrently"""
)
PLACES = _words(
    """Harbourline Northgate Brackwater Eastmoor Calder Vesterby Talamone Ullapool Marstrand
    Kilmory Aldeburgh Port-Vendres Zeebrugge Trondheim Salcombe Whitby Porto Rijeka Gdynia"""
)
PEOPLE = _words(
    """Amara Bjarne Chiyo Dolores Emeka Freya Giulia Hamid Ingrid Jorge Kavita Lorcan Mireille
    Nkechi Oskar Priya Quentin Rosalind Søren Tomasz Usha Viktor Wanjiru Ximena Yusuf Zofia"""
)
# N a noun, V a verb, A an adjective, R an adverb, P a place, W a person, # a number, % a share,
# I an identifier, D a date; each word in braces is replaced.
SENTENCES = tuple(
    line.strip()
    for line in """
    The {A} {N} {R} {V}s the {N} of the {A} {N}.
    Before the {N} is {V}ed, {V} the {N} and {V} the {A} {N} in {P}.
    When the {N} fails, {W} {V}s the {N} within {#} minutes and {V}s the {N} afterwards.
    Each {N} has {#} {N}s, of which {%} per cent are {A}.
    It {V}s no {N} that the {N} in {P} has not {V}ed {R}.
    A {A} {N} is not a {A} {N}: the first {V}s, and the second only {V}s the {N}.
    {W} and {W} {V}ed the {N} on {D}, after the {A} {N} had {V}ed {#} {N}s.
    Set `{I}` to {#} where the {N} should {R} {V} its {N}.
    The {N} of {D} took {#} seconds, which is {%} per cent more than the {A} {N} before it.
    If the {N} is {A}, the {N} must {V} it {R}, or else the {A} {N} of the {N} {V}s without end.
    There are {#} ways to {V} a {N}; the {A} one is to {V} the {N} before the {N} is {V}ed.
    The {N} team in {P} owns this {N} and answers questions about its {N}s.
    We {V}ed the {A} {N}s of {#} {N}s and found that {%} per cent of them were {A}, while the
      {A} ones {V}ed {R}.
    Do not {V} the {N} by hand.
    This is {A}.
    See {I} for the {A} {N}, and {I} for what the {N} {V}s.
    Nobody {V}s the {N} {R}, because the {N} between {P} and {P} is {A}, its {N} is {A}, and the
      {N} that would {V} it was {V}ed in {D} by {W}.
    Compared with the {N} of {P}, the {A} {N} {V}s {#} more {N}s and {V}s {%} per cent less {N}.
    Why does the {N} {V} the {N}?
    Its {N}s are {V}ed {R}, {V}ed {R} and {V}ed once the {A} {N} has been {V}ed.
    """.replace("\n      ", " ").splitlines()
    if line.strip()
)
HEADINGS = (
    "Why the {N} is {A}", "{A} {N}s", "How to {V} a {N}", "{N} and {N}", "What the {N} {V}s",
    "The {N} of {P}", "{N}s", "Before you {V} the {N}", "Results", "Background", "Open questions",
    "Checklist for the {A} {N}", "Notes of {D}",
)  # fmt: skip

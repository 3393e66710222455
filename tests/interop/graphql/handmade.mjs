// One document or more for each rule of the specification, good and bad.
const GOOD = [
  '{ viewer { id email name } }',
  'query A { viewer { id } }',
  'query { viewer { ...F } } fragment F on Identity { id ...G } fragment G on Node { id __typename }',
  '{ a: viewer { id } b: viewer { id } }',
  '{ viewer { memberships { organization { name } role } } }',
  '{ viewer { id id id: id } viewer { name } }',
  '{ __typename __schema { queryType { name } mutationType { name } subscriptionType { name } } }',
  '{ __type(name: "Target") { kind name description fields { name args { name } type { kind name ofType { name } } } interfaces { name } } }',
  '{ __type(name: "Node") { possibleTypes { name } enumValues { name } inputFields { name } } }',
  '{ __type(name: "Role") { enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason } } }',
  '{ __type(name: "CreatePersonalAPIKeyInput") { inputFields { name defaultValue isDeprecated type { kind ofType { name } } } isOneOf } }',
  '{ __type(name: "DateTime") { specifiedByURL } }',
  '{ __type(name: "Nope") { name } }',
  '{ __schema { directives { name locations isRepeatable args { name defaultValue type { kind } } } } }',
  '"""about""" query Q("why" $a: Boolean = true) { viewer @include(if: $a) { id } }',
  'query Q($a: Boolean!) { viewer { id @skip(if: $a) name @include(if: $a) } }',
  '{ viewer { personalAPIKeys { totalCount } } }',
  '{ viewer { ... @include(if: true) { id } ... { name } } }',
  '{ organization(id: "x") { id } viewer { id } }',
  '{ node(id: 5) { id } }',
  '{ node(id: """x""") { __typename } }',
  'query($n: Int) { viewer { memberships { organization { targets(first: $n) { totalCount nodes { name } } } } } }',
  'query($n: Int = 1) { viewer { memberships { organization { targets(first: $n) { totalCount nodes { name } } } } } }',
  '{ viewer { memberships { organization { apiKeys { totalCount } name } } } }',
  '{ viewer { memberships { organization { members(first: 1) { nodes { id role active } totalCount } } } } }',
  '#comment\n{ viewer { id,,, name, } } # more',
  '\ufeff{ viewer { id } }',
  '{ viewer {\r\n id\r name\n nope } }',
];

const BAD = [
  '', ' ', '{', '}', '{}', '{ viewer }', '{ viewer { } }', '{ viewer { id { x } } }', '{ nope }',
  'query Q { viewer { id } } query Q { viewer { id } }', '{ viewer { id } } query B { viewer { id } }',
  'query A { viewer { id } } query B { viewer { id } }', 'fragment F on Identity { id }',
  'subscription { viewer { id } }', '{ viewer { ...Missing } }',
  '{ viewer { ...F } } fragment F on Nope { id }', '{ viewer { ...F } } fragment F on Role { id }',
  '{ viewer { ... on String { id } } }', '{ viewer { ... on Target { id } } }',
  '{ viewer { ...F } } fragment F on Target { id }',
  '{ viewer { id } } fragment F on Identity { id }',
  '{ viewer { ...A } } fragment A on Identity { ...B } fragment B on Identity { ...A }',
  '{ viewer { ...A } } fragment A on Identity { ...A id }',
  '{ viewer { ...A } } fragment A on Identity { ...B ...C } fragment B on Identity { ...C } fragment C on Identity { ...A }',
  '{ viewer { ...A } } fragment A on Identity { id } fragment A on Identity { name }',
  '{ viewer { x: id x: name } }', '{ organization(id: "a") { id } organization(id: "b") { id } }',
  '{ node(id: "a") { ... on Target { x: name } ... on Project { x: id } } }',
  '{ node(id: "a") { ... on Target { x: name } ... on Project { x: organization { id } } } }',
  '{ viewer { ...A x: name } } fragment A on Identity { x: email }',
  '{ viewer { memberships { role } memberships { role: organization { id } } } }',
  '{ a: viewer { x: id } a: viewer { x: name } }',
  '{ node }', '{ node(id: "a", id: "b") { id } }', '{ node(nope: 1, id: "a") { id } }',
  '{ node(id: null) { id } }', '{ node(id: 1.5) { id } }', '{ node(id: true) { id } }',
  '{ node(id: [1]) { id } }', '{ node(id: {a: 1}) { id } }', '{ node(id: RED) { id } }',
  '{ viewer(x: 1) { id } }', '{ viewer { id(x: $y) } }', '{ viewer { id @nope } }',
  '{ viewer { id @skip } }', '{ viewer { id @skip(if: "x") } }', '{ viewer { id @skip(if: true) @skip(if: false) } }',
  '{ viewer { id @skip(if: true, x: 1) } }', '{ viewer { id @deprecated } }', 'query @skip(if: true) { viewer { id } }',
  'query Q($a: Int) { viewer { id } }', 'query Q { node(id: $a) { id } }', 'query Q($a: Int, $a: Int) { node(id: $a) { id } }',
  'query Q($a: Nope) { node(id: $a) { id } }', 'query Q($a: Identity) { node(id: $a) { id } }',
  'query Q($a: ID) { node(id: $a) { id } }', 'query Q($a: [ID!]!) { node(id: $a) { id } }',
  'query Q($a: ID! = 5.5) { node(id: $a) { id } }', 'query Q($a: ID = null) { node(id: $a) { id } }',
  'query Q($a: ID = "x") { node(id: $a) { id } }', 'query Q($a: Int! @skip(if: true)) { viewer { memberships { organization { targets(first: $a) { totalCount } } } } }',
  'query Q($a: [[Int]]) { viewer { memberships { organization { targets(first: $a) { totalCount } } } } }',
  '{ viewer { memberships { organization { targets(first: "2") { totalCount } } } } }',
  '{ viewer { memberships { organization { targets(first: 3000000000) { totalCount } } } } }',
  '{ viewer { memberships { organization { targets(first: -1) { totalCount } name } } } }',
  '{ viewer { memberships { organization { targets(after: "!") { totalCount } name } } } }',
  '{ viewer { personalAPIKeys(filter: {status: [NOPE]}) { totalCount } } }',
  '{ viewer { personalAPIKeys(filter: {status: ACTIVE, status: ACTIVE}) { totalCount } } }',
  '{ viewer { personalAPIKeys(filter: {nope: 1}) { totalCount } } }',
  '{ viewer { personalAPIKeys(filter: {status: "ACTIVE", kind: 5, includeRevoked: 1}) { totalCount } } }',
  '{ viewer { personalAPIKeys(filter: 5) { totalCount } } }',
  '{ viewer { personalAPIKeys(filter: [{query: "x"}]) { totalCount } } }',
  'mutation { createTarget(input: {name: "x"}) { target { id } } }',
  'mutation { createTarget { target { id } } }', 'mutation { createTarget(input: null) { target { id } } }',
  'mutation { createPersonalAPIKey(input: {name: "x", expiresAt: 5}) { token } }',
  'mutation { createPersonalAPIKey(input: {name: "x", expiresAt: "x", kind: NOPE}) { token } }',
  'mutation { createPersonalAPIKey(input: {name: null, expiresAt: "x"}) { token } }',
  '{ viewer { id "x" } }', '{ viewer { id: } }', '{ viewer { : id } }', '{ viewer(: 1) { id } }',
  '{ viewer() { id } }', 'query ( { viewer { id } }', 'query Q() { viewer { id } }', 'query Q($) { viewer { id } }',
  '{ viewer { ... on } }', '{ viewer { ... @ } }', 'fragment on on Identity { id }', 'fragment F Identity { id }',
  '{ a(x: 00) }', '{ a(x: 1.) }', '{ a(x: .5) }', '{ a(x: 1e) }', '{ a(x: 1a) }', '{ a(x: - 1) }', '{ a(x: +1) }',
  '{ a(x: "\\x") }', '{ a(x: "\\u00g0") }', '{ a(x: "\\uD800") }', '{ a(x: "\\u{110000}") }', '{ a(x: "abc) }',
  '{ a(x: "abc\ndef") }', '{ a(x: """abc) }', '{ a(x: "\u0007") }', "{ a(x: 'x') }", '{ a?b }', '{ a ..b }', '{ \u00e9 }',
  '{ a(x: "\u00e9\ud83d\ude00", y: ? ) }', 'query Q($a: Int = $b) { a }', '{ a(x: $) }', '{ a(x: [1, 2) }', '{ a(x: {b 1}) }',
  '"about" { viewer { id } }', '"about" nope', 'nope', 'query Q { viewer { id } } nope',
];

const WITH_VARIABLES = [
  ['query($i: ID!) { node(id: $i) { id } }', {}], ['query($i: ID!) { node(id: $i) { id } }', { i: null }],
  ['query($i: ID!) { node(id: $i) { id } }', { i: 5 }], ['query($i: ID!) { node(id: $i) { id } }', { i: 1.5 }],
  ['query($i: ID!) { node(id: $i) { id } }', { i: true }], ['query($i: ID!) { node(id: $i) { id } }', { i: ['a'] }],
  ['query($b: Boolean!) { viewer { id @skip(if: $b) name } }', { b: 'true' }],
  ['query($b: Boolean = true) { viewer { id @skip(if: $b) name } }', {}],
  ['query($b: Boolean = true) { viewer { id @skip(if: $b) name } }', { b: false }],
  ['mutation($t: CreateTargetInput!) { createTarget(input: $t) { target { id } } }', { t: { name: 5 } }],
  ['mutation($t: CreateTargetInput!) { createTarget(input: $t) { target { id } } }', { t: { name: 'x', nope: 1 } }],
  ['mutation($t: CreateTargetInput!) { createTarget(input: $t) { target { id } } }', { t: 'x' }],
  ['query($f: PersonalAPIKeyFilter) { viewer { personalAPIKeys(filter: $f) { totalCount } } }', { f: { status: ['NOPE', 5, null] } }],
];

export function handmade(world) {
  const id = world.organizations[0].id;
  const made = [...GOOD, ...BAD].map((query) => ({ query }));
  for (const [query, variables] of WITH_VARIABLES) made.push({ query, variables });
  made.push({ query: 'query A { viewer { id } } query B { viewer { name } }', operationName: 'B' });
  made.push({ query: 'query A { viewer { id } } query B { viewer { name } }', operationName: 'C' });
  for (const page of ['first: 1', 'first: 2', 'last: 2', 'first: 2, last: 1', 'first: 0', 'last: 0', 'first: null, last: 1']) {
    made.push({ query: `{ organization(id: "${id}") { targets(${page}) { totalCount edges { cursor node { name organization { id } } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }` });
  }
  for (const { cursor } of world.organizations[0].targets) {
    for (const page of [`after: "${cursor}"`, `before: "${cursor}"`, `first: 1, after: "${cursor}"`, `last: 1, before: "${cursor}"`, `first: 1, before: "${cursor}"`, `last: 1, after: "${cursor}"`]) {
      made.push({ query: `{ organization(id: "${id}") { targets(${page}) { edges { node { name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }` });
    }
  }
  return made;
}

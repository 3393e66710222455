// Documents to try: some by hand, the rest made from the schema with a seeded generator, and broken
// in every way one can think of.
import { isCompositeType, isAbstractType, getNamedType, isNonNullType, isEnumType } from 'graphql';
import { handmade } from './handmade.mjs';

function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

class Generator {
  constructor(schema, world, seed) {
    this.schema = schema;
    this.world = world;
    this.next = random(seed);
    this.fragments = [];
    this.variables = new Map();
    this.aliases = 0;
  }

  below(n) {
    return Math.floor(this.next() * n);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  chance(p) {
    return this.next() < p;
  }

  ids() {
    const { world } = this;
    return [world.viewer.id, 'nothing', '', ...world.organizations.map((each) => each.id),
      ...world.organizations.flatMap((each) => [...each.targets, ...each.projects])
        .map((each) => each.id)];
  }

  value(argument, owner) {
    const name = argument.name;
    if (name === 'id') {
      const ids = owner === 'organization' ? this.world.organizations.map((each) => each.id)
        : this.ids();
      return this.pick(this.chance(0.9) ? ids : ['x']);
    }
    if (name === 'first' || name === 'last') return this.pick([0, 1, 2, 3, 5, 100, null]);
    if (name === 'after' || name === 'before') {
      const all = this.world.organizations.flatMap((each) => each.targets);
      return this.chance(0.3) ? null : this.pick(all).cursor;
    }
    if (name === 'includeDeprecated') return this.chance(0.5);
    if (name === 'name') return this.pick(['Target', 'Node', 'Role', 'DateTime', 'Nope']);
    if (name === 'filter') return null;
    const type = getNamedType(argument.type);
    return isEnumType(type) ? type.getValues()[0].name : null;
  }

  args(field, fixedCursors) {
    const given = [];
    for (const argument of field.args) {
      if (!isNonNullType(argument.type) && this.chance(0.6)) continue;
      if (fixedCursors && ['after', 'before'].includes(argument.name)) continue;
      const value = this.value(argument, field.name);
      if (value === null && isNonNullType(argument.type)) continue;
      if (this.chance(0.25)) {
        const name = `v${this.variables.size}`;
        this.variables.set(name, { type: String(argument.type), value });
        given.push(`${argument.name}: $${name}`);
      } else {
        given.push(`${argument.name}: ${JSON.stringify(value)}`);
      }
    }
    return given.length > 0 ? `(${given.join(', ')})` : '';
  }

  directive() {
    if (!this.chance(0.12)) return '';
    const which = this.chance(0.5) ? 'skip' : 'include';
    if (this.chance(0.4)) {
      const name = `v${this.variables.size}`;
      this.variables.set(name, { type: 'Boolean!', value: this.chance(0.5) });
      return ` @${which}(if: $${name})`;
    }
    return ` @${which}(if: ${this.chance(0.5)})`;
  }

  field(type, depth) {
    const fields = Object.values(type.getFields());
    const usable = fields.filter((field) => depth > 0 || !isCompositeType(getNamedType(field.type)));
    if (usable.length === 0 || this.chance(0.08)) return '__typename';
    const field = this.pick(usable);
    const foreign = field.name !== 'targets';
    const named = getNamedType(field.type);
    let text = field.name;
    if (this.chance(0.15) && this.aliases < 20) {
      this.aliases += 1;
      text = `${this.pick(['a', 'b', 'c'])}${this.aliases}: ${text}`;
    }
    text += this.args(field, foreign) + this.directive();
    return isCompositeType(named) ? `${text} ${this.selections(named, depth - 1)}` : text;
  }

  selections(type, depth) {
    const parts = [];
    const count = 1 + this.below(4);
    for (let i = 0; i < count; i += 1) {
      const kind = this.next();
      if (kind < 0.12) {
        parts.push(`...${this.inlined(type)}${this.directive()} ${this.selections(this.condition, depth)}`);
      } else if (kind < 0.2 && depth > 0) {
        const name = `F${this.fragments.length}`;
        this.fragments.push('');
        const at = this.fragments.length - 1;
        const on = isAbstractType(type) && this.chance(0.5)
          ? this.pick(this.schema.getPossibleTypes(type)) : type;
        this.fragments[at] = `fragment ${name} on ${on.name}${''} ${this.selections(on, depth - 1)}`;
        parts.push(`...${name}${this.directive()}`);
      } else {
        parts.push(this.field(type, depth));
      }
    }
    return `{ ${parts.join(this.chance(0.2) ? '\n  ' : ' ')} }`;
  }

  inlined(type) {
    this.condition = type;
    if (this.chance(0.3)) return '';
    if (isAbstractType(type)) this.condition = this.pick(this.schema.getPossibleTypes(type));
    return ` on ${this.condition.name}`;
  }

  document() {
    const query = this.schema.getQueryType();
    let body = this.selections(query, 6);
    if (this.chance(0.1)) body = `{ __schema { types { name kind ${this.chance(0.5) ? 'fields { name type { name } }' : ''} } } }`;
    const declared = [...this.variables].map(([name, { type }]) => `$${name}: ${type}`);
    const head = declared.length > 0 ? `query Q(${declared.join(', ')}) ` : this.chance(0.3) ? 'query Q ' : '';
    const variables = {};
    for (const [name, { value }] of this.variables) {
      if (value !== null || this.chance(0.5)) variables[name] = value;
    }
    return { query: [head + body, ...this.fragments].join('\n'), variables };
  }
}

const WORDS = ['id', 'name', 'viewer', 'nope', 'Target', 'Identity', 'Node', '$x', '@skip', '@nope',
  '{', '}', '(', ')', '...', 'on', 'fragment', '"text"', '1', '1.5', 'null', 'true', 'RED', ':', '!',
  '[', ']', 'first', '"""block"""', '#c', '=', '&', '|', '\u00e9', '01', '"\\u12"', '-', ','];

function broken(document, next) {
  const pick = (list) => list[Math.floor(next() * list.length)];
  const tokens = document.query.match(/"(?:[^"\\]|\\.)*"|\.\.\.|[\w$@]+|\s+|./gs) ?? [];
  const times = 1 + Math.floor(next() * 2);
  for (let i = 0; i < times; i += 1) {
    const at = Math.floor(next() * tokens.length);
    switch (Math.floor(next() * 5)) {
      case 0: tokens.splice(at, 1); break;
      case 1: tokens.splice(at, 0, pick(WORDS), ' '); break;
      case 2: tokens[at] = pick(WORDS); break;
      case 3: tokens[at] = pick(tokens); break;
      default: {
        const names = tokens.map((token, index) => [token, index]).filter(([token]) => /^\w+$/.test(token));
        if (names.length > 0) tokens[pick(names)[1]] = pick(names)[0];
      }
    }
  }
  const variables = { ...document.variables };
  for (const name of Object.keys(variables)) {
    if (next() < 0.2) variables[name] = pick([5, 'x', true, null, [1], { a: 1 }, 1.5]);
  }
  return { query: tokens.join(''), variables };
}

export function documents(schema, world, count) {
  const made = handmade(world);
  for (let seed = 1; seed <= count; seed += 1) {
    const document = new Generator(schema, world, seed).document();
    made.push(document);
    made.push(broken(document, random(seed * 7919)));
    made.push(broken(document, random(seed * 104729)));
  }
  return made.filter(({ query }) => !/^\s*(type|schema|scalar|interface|union|enum|input|directive|extend)\b/m.test(query));
}

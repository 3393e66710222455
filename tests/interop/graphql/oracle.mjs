// What graphql-js makes of documents, over the schema that the server tells about itself.
//
//   node oracle.mjs sdl        < {"introspection"}                 > SDL as printSchema writes it
//   node oracle.mjs introspection                                  > the usual introspection query
//   node oracle.mjs answers    < {"introspection","world","count"} > [{"document","expected"}...]
//
// `world` holds the same data that the server has, as JSON. Each answer says whether the document is
// refused (with what errors), or executed (with what data and errors).
import { readFileSync } from 'node:fs';
import {
  GraphQLError, buildClientSchema, execute, getIntrospectionQuery, parse, printSchema, validate,
  specifiedRules, MaxIntrospectionDepthRule,
} from 'graphql';
import { documents } from './documents.mjs';
import { resolveField, resolveType } from './world.mjs';

const rules = specifiedRules.filter((rule) => rule !== MaxIntrospectionDepthRule);

function readInput() {
  return JSON.parse(readFileSync(0, 'utf8'));
}

// Scalars that are strings on the wire say so to the oracle, too.
function strictDateTime(schema) {
  const type = schema.getType('DateTime');
  const check = (value) => {
    if (typeof value !== 'string') throw new GraphQLError('not a string');
    return value;
  };
  type.parseValue = check;
  type.parseLiteral = (node) => {
    if (node.kind === 'StringValue') return node.value;
    throw new GraphQLError('DateTime cannot represent a non string value', { nodes: node });
  };
}

function plain(error) {
  return {
    message: error.message.replace(/ Did you mean "(?!\w+ \{).*$/s, '').replace(/ Did you mean to.*$/s, '')
      .replace(/ Did you mean (the|an) .*$/s, ''),
    locations: error.locations ?? [],
    path: error.path ?? null,
  };
}

function refused(stage, errors) {
  return { stage, errors: errors.map(plain) };
}

async function expectation(schema, world, { query, variables, operationName }) {
  let document;
  try {
    document = parse(query);
  } catch (error) {
    return refused('parse', [error]);
  }
  const errors = validate(schema, document, rules, { maxErrors: 1000 });
  if (errors.length > 0) return refused('validate', errors);
  const result = await execute({
    schema, document, variableValues: variables, operationName, rootValue: world,
    contextValue: world, fieldResolver: resolveField, typeResolver: resolveType,
  });
  if (!('data' in result)) return refused('request', result.errors);
  return { stage: 'execute', data: result.data, errors: (result.errors ?? []).map(plain) };
}

const command = process.argv[2];
if (command === 'introspection') {
  process.stdout.write(getIntrospectionQuery({
    specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true,
    inputValueDeprecation: true, oneOf: true,
  }));
} else if (command === 'sdl') {
  process.stdout.write(printSchema(buildClientSchema(readInput().introspection)));
} else {
  const { introspection, world, count } = readInput();
  const schema = buildClientSchema(introspection);
  strictDateTime(schema);
  const answers = [];
  for (const document of documents(schema, world, count)) {
    answers.push({ document, expected: await expectation(schema, world, document) });
  }
  process.stdout.write(JSON.stringify(answers));
}

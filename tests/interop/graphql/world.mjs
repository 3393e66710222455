// The oracle's resolvers: the same data as the server has, from one JSON object.
import { GraphQLError } from 'graphql';

const PAGE = 50;
const MOST = 500;

function notFound() {
  throw new GraphQLError('not found', { extensions: { code: 'NOT_FOUND' } });
}

function invalid(field) {
  throw new GraphQLError('invalid', { extensions: { code: 'INVALID', field } });
}

function connection(items, args) {
  let { first, last, after, before } = args;
  for (const name of ['first', 'last']) if (args[name] < 0) invalid(name);
  const bytes = (text) => Buffer.from(text, 'base64url');
  for (const name of ['after', 'before']) {
    if (args[name] && bytes(args[name]).length !== 16) invalid(name);
  }
  first ??= null;
  last ??= null;
  if (first === null && last === null) first = PAGE;
  const total = items.length;
  let page = items;
  // A cursor is a place, whether its item is in the list or not.
  if (after) page = page.filter((item) => bytes(item.cursor).compare(bytes(after)) < 0);
  if (before) page = page.filter((item) => bytes(item.cursor).compare(bytes(before)) > 0);
  let hasNextPage = Boolean(before);
  let hasPreviousPage = Boolean(after);
  if (first !== null && page.length > Math.min(first, MOST)) {
    page = page.slice(0, Math.min(first, MOST));
    hasNextPage = true;
  }
  if (last !== null && page.length > Math.min(last, MOST)) {
    page = page.slice(page.length - Math.min(last, MOST));
    hasPreviousPage = true;
  }
  return {
    totalCount: total,
    nodes: page,
    edges: page.map((item) => ({ node: item, cursor: item.cursor })),
    pageInfo: {
      hasNextPage, hasPreviousPage,
      startCursor: page.length > 0 ? page[0].cursor : null,
      endCursor: page.length > 0 ? page[page.length - 1].cursor : null,
    },
  };
}

function organization(world, id) {
  return world.organizations.find((each) => each.id === id) ?? notFound();
}

function node(world, id) {
  if (world.viewer.id === id) return world.viewer;
  for (const each of world.organizations) {
    if (each.id === id) return each;
    for (const list of ['targets', 'projects']) {
      const found = each[list].find((item) => item.id === id);
      if (found) return found;
    }
  }
  const member = world.identities.find((each) => each.id === id);
  return member ?? notFound();
}

export function resolveField(source, args, world, info) {
  const name = info.fieldName;
  const type = info.parentType.name;
  if (type === 'Query') {
    if (name === 'viewer') return world.viewer;
    if (name === 'organization') return organization(world, args.id);
    if (name === 'node') return node(world, args.id);
  }
  if (type === 'Membership' && name === 'organization') {
    return organization(world, source.organization);
  }
  if (name === 'organization') return organization(world, source.organization_id);
  if (name === 'apiKeys' || name === 'personalAPIKeys') {
    throw new GraphQLError('forbidden', { extensions: { code: 'FORBIDDEN' } });
  }
  if (type === 'Organization' && Array.isArray(source[name])) return connection(source[name], args);
  return source[name];
}

export function resolveType(value) {
  return value.typename;
}

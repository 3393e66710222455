// The things keys are for: one small description for each collection of the API.
//
//   const servers = useObjects(mcpServers, organization.id);
//
// Lists are read whole, up to kMost objects; above that pages say that there are more.

import { useQuery } from "@tanstack/react-query";

import { answer, api, type Schemas } from "./client";

export interface Collection<Item extends { id: string }> {
  key: string;
  list(organization: string, cursor: string | undefined): Promise<{ items: Item[]; next_cursor: string | null }>;
  create(organization: string, body: object): Promise<Item>;
  update(id: string, body: object): Promise<Item>;
  remove(id: string): Promise<unknown>;
}

export type McpServer = Schemas["McpServer"] & { health?: Schemas["McpHealth"] | null };  // in lists
export type Registry = Schemas["Registry"];
export type Project = Schemas["Project"];
export type Platform = Schemas["Platform"];
export type Target = Schemas["Target"];
export type Service = Schemas["Service"];
export type Keyspace = Schemas["Keyspace"];
export type User = Schemas["UserView"];

const query = (organization: string, cursor?: string) =>
  ({ params: { query: { organization_id: organization, limit: 200, cursor } } });
const at = (id: string) => ({ params: { path: { id } } });

export const mcpServers: Collection<McpServer> = {
  key: "mcp-servers",
  list: (organization, cursor) => answer(api.GET("/api/v1/mcp-servers", query(organization, cursor))),
  create: (organization_id, body) =>
    answer(api.POST("/api/v1/mcp-servers", { body: { ...body as Schemas["CreateMcpServer"], organization_id } })),
  update: (id, body) => answer(api.PATCH("/api/v1/mcp-servers/{id}", { ...at(id), body })),
  remove: (id) => answer(api.DELETE("/api/v1/mcp-servers/{id}", at(id))),
};

export const registries: Collection<Registry> = {
  key: "registries",
  list: (organization, cursor) => answer(api.GET("/api/v1/registries", query(organization, cursor))),
  create: (organization_id, body) =>
    answer(api.POST("/api/v1/registries", { body: { ...body as Schemas["CreateRegistry"], organization_id } })),
  update: (id, body) => answer(api.PATCH("/api/v1/registries/{id}", { ...at(id), body })),
  remove: (id) => answer(api.DELETE("/api/v1/registries/{id}", at(id))),
};

export const projects: Collection<Project> = {
  key: "projects",
  list: (organization, cursor) => answer(api.GET("/api/v1/projects", query(organization, cursor))),
  create: (organization_id, body) =>
    answer(api.POST("/api/v1/projects", { body: { ...body as Schemas["CreateProject"], organization_id } })),
  update: (id, body) => answer(api.PATCH("/api/v1/projects/{id}", { ...at(id), body })),
  remove: (id) => answer(api.DELETE("/api/v1/projects/{id}", at(id))),
};

export function platformsOf(project_id: string): Collection<Platform> {
  const one = (id: string) => ({ params: { path: { project_id, id } } });
  return {
    key: `projects/${project_id}/platforms`,
    list: (_organization, cursor) => answer(api.GET("/api/v1/projects/{project_id}/platforms",
      { params: { path: { project_id }, query: { limit: 200, cursor } } })),
    create: (_organization, body) => answer(api.POST("/api/v1/projects/{project_id}/platforms",
      { params: { path: { project_id } }, body: body as Schemas["CreatePlatform"] })),
    update: (id, body) => answer(api.PATCH("/api/v1/projects/{project_id}/platforms/{id}", { ...one(id), body })),
    remove: (id) => answer(api.DELETE("/api/v1/projects/{project_id}/platforms/{id}", one(id))),
  };
}

export const targets: Collection<Target> = {
  key: "targets",
  list: (organization, cursor) => answer(api.GET("/api/v1/targets", query(organization, cursor))),
  create: (organization_id, body) =>
    answer(api.POST("/api/v1/targets", { body: { ...body as Schemas["CreateTarget"], organization_id } })),
  update: (id, body) => answer(api.PATCH("/api/v1/targets/{id}", { ...at(id), body })),
  remove: (id) => answer(api.DELETE("/api/v1/targets/{id}", at(id))),
};

export const services: Collection<Service> = {
  key: "services",
  list: (organization, cursor) => answer(api.GET("/api/v1/services", query(organization, cursor))),
  create: (organization_id, body) =>
    answer(api.POST("/api/v1/services", { body: { ...body as Schemas["CreateService"], organization_id } })),
  update: (id, body) => answer(api.PATCH("/api/v1/services/{id}", { ...at(id), body })),
  remove: (id) => answer(api.DELETE("/api/v1/services/{id}", at(id))),
};

export const keyspaces: Collection<Keyspace> = {
  key: "keyspaces",
  list: (organization, cursor) => answer(api.GET("/api/v1/keyspaces", query(organization, cursor))),
  create: (organization_id, body) =>
    answer(api.POST("/api/v1/keyspaces", { body: { ...body as Schemas["CreateKeyspace"], organization_id } })),
  update: (id, body) => answer(api.PATCH("/api/v1/keyspaces/{id}", { ...at(id), body })),
  remove: (id) => answer(api.DELETE("/api/v1/keyspaces/{id}", at(id))),
};

export function usersOf(organization: string): Collection<User> {
  const here = (id: string) => ({ params: { path: { id }, query: { organization_id: organization } } });
  return {
    key: "users",
    list: (id, cursor) => answer(api.GET("/api/v1/users", query(id, cursor))),
    create: (organization_id, body) =>
      answer(api.POST("/api/v1/users", { body: { ...body as Schemas["CreateUser"], organization_id } })),
    update: (id, body) => answer(api.PATCH("/api/v1/users/{id}", { ...at(id), body: { ...body, organization_id: organization } })),
    remove: (id) => answer(api.DELETE("/api/v1/users/{id}", here(id))),
  };
}

const kMost = 2000;

export function useObjects<Item extends { id: string }>(
  collection: Collection<Item>, organization: string, enabled = true) {
  return useQuery({
    queryKey: ["objects", collection.key, organization],
    enabled,
    queryFn: async () => {
      const items: Item[] = [];
      let cursor: string | null = null;
      do {
        const page: { items: Item[]; next_cursor: string | null } =
          await collection.list(organization, cursor ?? undefined);
        items.push(...page.items);
        cursor = page.next_cursor;
      } while (cursor !== null && items.length < kMost);
      return { items, more: cursor !== null };
    },
  });
}

export function nameOf(item: { id: string; name: string; email?: string }): string {
  return item.name || item.email || item.id;
}

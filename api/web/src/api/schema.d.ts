/* Provisional: written by hand in the generator's form until the server prints its document. */
export interface paths {
  "/v1/auth/code": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "application/json": { email?: string } } }; responses: { 204: { headers: { [name: string]: unknown }; content?: never }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/auth/verify": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "application/json": { email?: string; code: string; cookie?: boolean } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["SignedIn"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/auth/login": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "application/json": { email: string; password: string; cookie?: boolean } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["SignedIn"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/auth/refresh": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "application/json": { refresh_token?: string } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["SignedIn"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/auth/logout": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "application/json": { refresh_token?: string } } }; responses: { 204: { headers: { [name: string]: unknown }; content?: never }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/me": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Me"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "application/json": { daily_digest?: boolean; language?: string } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Me"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    trace?: never;
  };
  "/v1/staff/me": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["StaffMe"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/me/enrolment": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Enrolment"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Enrolment"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/me/cards": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["Card"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/me/cards/{id}/code": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Code"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/me/cards/{id}/block": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody: { content: { "application/json": { reason: string } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Card"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/me/balance": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Balance"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/me/operations": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { limit?: number; after?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["Operation"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/cards/resolve": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "application/json": { code?: string; card_number?: string; proof?: string } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Resolution"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/purchases/quote": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "application/json": components["schemas"]["PurchaseBody"] } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Purchase"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/purchases": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { outlet?: string; receipt?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Purchase"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "application/json": components["schemas"]["PurchaseBody"] } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Purchase"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/purchases/{id}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Purchase"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/purchases/{id}/explanation": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Explanation"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/purchases/{id}/refunds": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody: { content: { "application/json": components["schemas"]["RefundBody"] } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Purchase"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/ledger/trial-balance": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { at?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["TrialBalance"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/ledger/postings": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { account?: string; from?: string; to?: string; limit?: number; after?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["Posting"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/registers": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { limit?: number; after?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["Register"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "multipart/form-data": { file: string; [key: string]: string } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Accepted"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/registers/{id}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["RegisterReport"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/registers/{id}/rows": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { outcome?: string; limit?: number; after?: string; }; header?: never; path: { id: string; }; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["RegisterRow"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/partners": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { limit?: number; after?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["Partner"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/rules": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { partner?: string; limit?: number; after?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["Rule"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/organisations": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { parent?: string; query?: string; limit?: number; after?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["Organisation"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/organisations/{code}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path: { code: string; }; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Organisation"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/organisations/{code}/statistics": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { on?: string; }; header?: never; path: { code: string; }; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Statistics"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/members": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { query?: string; organisation?: string; status?: string; limit?: number; after?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["Member"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/members/{id}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["MemberRecord"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/members/{id}/transfer": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody: { content: { "application/json": { organisation: string; on: string } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["MemberRecord"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/members/{id}/leave": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody: { content: { "application/json": { on: string; reason: string } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["MemberRecord"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/cards": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { number?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["OfficeCard"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "application/json": { member: string; kind: string } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Card"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/cards/{id}/block": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get?: never;
    put?: never;
    post: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody: { content: { "application/json": { reason: string; comment?: string } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Card"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/imports": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { limit?: number; after?: string; }; header?: never; path?: never; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["Import"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post: { parameters: { query?: never; header?: never; path?: never; cookie?: never }; requestBody: { content: { "multipart/form-data": { file: string; [key: string]: string } } }; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Accepted"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/imports/{id}": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: never; header?: never; path: { id: string; }; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": components["schemas"]["Import"] } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  "/v1/imports/{id}/rejected": {
    parameters: { query?: never; header?: never; path?: never; cookie?: never };
    get: { parameters: { query?: { limit?: number; after?: string; }; header?: never; path: { id: string; }; cookie?: never }; requestBody?: never; responses: { 200: { headers: { [name: string]: unknown }; content: { "application/json": { items: components["schemas"]["Rejected"][]; next?: string | null } } }; default: { headers: { [name: string]: unknown }; content: { "application/problem+json": components["schemas"]["Problem"] } } } };
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export interface components { schemas: {

Problem: { type?: string; title?: string; status?: number; detail?: string; errors?: { pointer: string; detail: string }[] };
Named: { code: string; name: string };
SignedIn: { csrf_token?: string | null; expires_in: number; access_token?: string | null; refresh_token?: string | null };
Me: { id: string; membership_number: string; last_name: string; first_name: string; middle_name?: string | null; status: string; organisation: components["schemas"]["Named"]; union: components["schemas"]["Named"]; joined_on: string; enrolled: boolean; daily_digest: boolean; language: string };
StaffOutlet: { code: string; name: string; town?: string | null };
StaffMe: { id: string; email: string; role: string; organisation?: components["schemas"]["Named"] | null; partner?: components["schemas"]["Named"] | null; outlets: components["schemas"]["StaffOutlet"][]; programme_zone: string };
Enrolment: { enrolled: boolean; offer_version: string; at: string };
Card: { id: string; number: string; kind: string; status: string; issued_at?: string | null; expires_on?: string | null };
Code: { value: string; valid_from: string; valid_until: string };
Balance: { currency: string; pending: string; available: string; reserved: string; debt: string; as_of: string; expiring: { amount: string; on: string }[] };
Operation: { id: string; kind: string; amount: string; at: string; partner?: components["schemas"]["Named"] | null; purchase_id?: string | null; status?: string | null; available_at?: string | null; expires_on?: string | null; explanation: string[] };
Explanation: { purchase_id: string; lines: string[]; rules: { id: string; version: number; name: string; applied: boolean; reason?: string | null; eligible?: string | null; earned?: string | null; room?: string | null; amount?: string | null; left?: string | null }[] };
Resolution: { resolution: string; status: string; may_redeem: boolean; available?: string | null; offers: { name: string; text: string }[] };
PurchaseBody: { resolution?: string; code?: string; card_number?: string; outlet: string; receipt: string; occurred_at: string; amount: string; redeem?: string };
Purchase: { id: string; status: string; outlet: string; receipt: string; amount: string; redeemed: string; paid: string; occurred_at?: string | null; cashback: { amount: string; status: string; available_at?: string | null; expires_on?: string | null; rules: { id: string; version: number; name: string; amount: string }[]; reason?: string | null }; commission: string; refunded: string; balance?: { pending: string; available: string } | null };
RefundBody: { amount?: string; reference: string };
LedgerAccount: { account: string; owner_kind: string; owner?: string | null; owner_name?: string | null; name: string; normal: string; balance: string; debit: string; credit: string };
TrialBalance: { at: string; accounts: components["schemas"]["LedgerAccount"][]; debit_total: string; credit_total: string; balanced: boolean };
Posting: { id: string; kind: string; at: string; booked_on: string; occurred_at?: string | null; purchase_id?: string | null; receipt?: string | null; outlet?: string | null; transfers: { debit: string; credit: string; amount: string }[]; amount?: string | null };
Register: { id: string; partner: string; file_name: string; mode: string; status: string; rows: number; created_at?: string };
RegisterReport: { id: string; partner: string; file_name: string; mode: string; status: string; rows: number; done_rows: number; outcomes: { [key: string]: number }; amounts: { theirs: string; ours: string }; problem?: string | null };
RegisterRow: { line?: number | null; outcome: string; outlet?: string | null; receipt?: string | null; occurred_at?: string | null; amount?: string | null; our_amount?: string | null; kind?: string | null; reference?: string | null; purchase_id?: string | null; reason?: string | null };
Partner: { code: string; name: string; commission_rate: string; redeem_share: string; outlets: { code: string; name: string; town?: string | null; zone: string }[] };
Rule: { id: string; version: number; status: string; name: string; partner: string; priority?: number; stacking?: string; when?: { [key: string]: unknown } | null; earn: { [key: string]: unknown }; caps?: { [key: string]: unknown } | null; funding?: { by: string; share: string }[] | null; hold_days?: number; life_months?: number | null };
Organisation: { code: string; name: string; kind: string; parent_code?: string | null; inn?: string | null; region_code?: string | null; members: number; children: number };
Statistics: { organisation: string; on: string; organisations: { [key: string]: number }; members: { [key: string]: number } };
Member: { id: string; membership_number: string; last_name: string; first_name: string; middle_name?: string | null; birth_date?: string | null; sex?: string | null; category?: string | null; position?: string | null; status: string; organisation: components["schemas"]["Named"]; joined_on?: string | null };
MemberRecord: components["schemas"]["Member"] & { phone?: string | null; email?: string | null; consent_on?: string | null; cards: components["schemas"]["Card"][]; history: { organisation: components["schemas"]["Named"]; from: string; until?: string | null; reason?: string | null }[] };
Import: { id: string; kind: string; file_name: string; status: string; read: number; created: number; updated: number; unchanged: number; rejected: number; reasons: { [key: string]: number }; seconds?: number | null; problem?: string | null };
OfficeCard: components["schemas"]["Card"] & { member: string; standing: string };
Rejected: { line: number; reasons: string[]; row: string[] };
Accepted: { id: string };

} }

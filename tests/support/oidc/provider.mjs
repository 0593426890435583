// An OpenID provider of npm's oidc-provider with a sign-in page of ours, which checks a password, and a consent page.
// Everything comes from the environment: OIDC_PROVIDER (the package), ISSUER, PORT, CLIENT_ID, CLIENT_SECRET,
// USERS (name=password,...).
import { createServer } from 'node:http';

const { default: Provider } = await import(process.env.OIDC_PROVIDER);
const { ISSUER, PORT, CLIENT_ID, CLIENT_SECRET } = process.env;
const users = new Map(process.env.USERS.split(',').map(user => user.split('=')));

const provider = new Provider(ISSUER, {
  clients: [{ client_id: CLIENT_ID, client_secret: CLIENT_SECRET, redirect_uris: ['http://127.0.0.1/'] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  cookies: { keys: [CLIENT_SECRET] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, { uid }) => `/interaction/${uid}` },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: true, name: id.split('@')[0] }),
  }),
});
// The site's port is known only after it has started.
provider.Client.prototype.redirectUriAllowed = uri => new URL(uri).hostname === '127.0.0.1';

let passwordsTyped = 0;
const page = body => `<!doctype html><meta charset=utf-8><link rel=icon href=data:,><title>Sign in</title>${body}`;
const LOGIN = `<form method=post><input name=login placeholder="Your login"><input name=password type=password>
<button type=submit class=login-submit>Sign-in</button></form>`;
const CONSENT = `<form method=post><input type=hidden name=prompt value=consent>
<button type=submit class=login-submit>Continue</button></form>`;

async function interaction(request, response) {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  const show = body => response.setHeader('content-type', 'text/html').end(page(body));
  if (request.method !== 'POST') return show(prompt.name === 'login' ? LOGIN : CONSENT);
  if (prompt.name === 'consent') {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const consent = { grantId: await grant.save() };
    return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
  }
  const form = new URLSearchParams(await text(request));
  passwordsTyped += 1;
  const [name, password] = [form.get('login'), form.get('password')];
  if (!users.has(name) || users.get(name) !== password) return show(`<p id=refusal>Wrong login or password.</p>${LOGIN}`);
  return provider.interactionFinished(request, response, { login: { accountId: name } });
}

async function text(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

const callback = provider.callback();
createServer((request, response) => {
  if (request.url === '/passwords-typed') return response.end(String(passwordsTyped));
  if (!request.url.startsWith('/interaction/')) return callback(request, response);
  interaction(request, response).catch(error => response.writeHead(500).end(String(error)));
}).listen(Number(PORT), '127.0.0.1');

// panva's certified oidc-provider on a free port of 127.0.0.1.
//
// The first line of standard input is JSON: `clients` (their metadata), and for HTTPS `tls` with
// `cert`, `key` and `ca` as PEM. Prints its issuer as a line of JSON and serves until its standard
// input ends.
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

const LIFETIME_S = 1200;
const lines = createInterface({ input: process.stdin });
const [line] = await once(lines, 'line');
const { clients, tls } = JSON.parse(line);

const server = tls
  ? createHttps({ ...tls, requestCert: true, rejectUnauthorized: false })
  : createHttp();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `${tls ? 'https' : 'http'}://127.0.0.1:${server.address().port}`;

const signing = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const methods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
];
const provider = new Provider(issuer, {
  clients: clients.map((client) => ({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope: 'read write',
    ...client,
  })),
  clientAuthMethods: methods,
  cookies: { keys: ['for cookies that nobody gets'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
    mTLS: {
      enabled: true,
      tlsClientAuth: true,
      selfSignedTlsClientAuth: true,
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) => {
        const { subject } = ctx.socket.getPeerX509Certificate();
        return property === 'tls_client_auth_subject_dn' && subject === expected;
      },
      getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (ctx, resource) => ({
        scope: 'read write administer',
        audience: resource,
        accessTokenTTL: LIFETIME_S,
        accessTokenFormat: 'jwt',
      }),
    },
  },
  jwks: { keys: [{ ...signing.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
  scopes: ['read', 'write', 'administer'],
  ttl: { ClientCredentials: (ctx, token) => token.resourceServer?.accessTokenTTL ?? LIFETIME_S },
});

server.on('request', provider.callback());
console.log(JSON.stringify({ issuer }));
await once(lines, 'close');
process.exit(0);

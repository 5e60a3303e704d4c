// panva's certified oidc-provider on a free port of 127.0.0.1, as a server that lets a client
// choose its own secret: registration management (RFC 7592) with a policy, which the server has to
// have for that.
//
// The first line of standard input is JSON and says nothing. Prints a line of JSON: the `client` as
// it was registered, with its `issuer`, and serves until its standard input ends.
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Provider } from 'oidc-provider';

const lines = createInterface({ input: process.stdin });
await once(lines, 'line');

const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

const signing = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const provider = new Provider(issuer, {
  clientAuthMethods: ['client_secret_post'],
  cookies: { keys: ['for cookies that nobody gets'] },
  extraClientMetadata: { properties: ['chosen_client_secret'] },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    registration: {
      enabled: true,
      initialAccessToken: true,
      policies: {
        // Not what the standard asks for: without it an update never changes the client secret.
        choose(ctx, properties) {
          if (properties.chosen_client_secret) {
            properties.client_secret = properties.chosen_client_secret;
            delete properties.chosen_client_secret;
          }
        },
      },
    },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: false },
  },
  jwks: { keys: [{ ...signing.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' }] },
  scopes: ['read'],
});
server.on('request', provider.callback());

const initial = await new provider.InitialAccessToken({ policies: ['choose'] }).save();
const registered = await fetch(`${issuer}/reg`, {
  method: 'POST',
  headers: { authorization: `Bearer ${initial}`, 'content-type': 'application/json' },
  body: JSON.stringify({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope: 'read',
    token_endpoint_auth_method: 'client_secret_post',
  }),
});
console.log(JSON.stringify({ client: { issuer, ...(await registered.json()) } }));
await once(lines, 'close');
process.exit(0);

// better-auth with e-mail and password. Its password hash is replaced by Argon2id with Postern's parameters, as its
// documentation describes. It keeps its one user and the sessions in its own memory, and its rate limit is off.
import { createServer } from "node:http";

import { hash, verify } from "@node-rs/argon2";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "@better-auth/memory-adapter";
import { toNodeHandler } from "better-auth/node";

const { EMAIL, PASSWORD_HASH, PORT } = process.env;

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${PORT}`,
  secret: "the secret of a benchmark, which signs nothing else",
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: {
    enabled: true,
    password: {
      hash: (password) => hash(password, { memoryCost: 19456, timeCost: 2, parallelism: 1 }),
      verify: ({ hash, password }) => verify(hash, password),
    },
  },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: "error" },
});

const { internalAdapter } = await auth.$context;
const user = await internalAdapter.createUser({ email: EMAIL, name: "John Doe", emailVerified: true });
await internalAdapter.linkAccount({
  userId: user.id,
  providerId: "credential",
  accountId: user.id,
  password: PASSWORD_HASH,
});

createServer(toNodeHandler(auth)).listen(Number(PORT), "127.0.0.1");

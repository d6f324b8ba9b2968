-- The tables that Prisma creates for the models User and Apikey of FreeSewing's sites/backend/prisma/schema.prisma.
CREATE TABLE "Apikey" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "aud" TEXT NOT NULL DEFAULT '',
    "calls" INTEGER NOT NULL DEFAULT 0,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expiresAt" DATETIME NOT NULL,
    "name" TEXT NOT NULL DEFAULT '',
    "lastSeen" DATETIME,
    "level" INTEGER NOT NULL DEFAULT 0,
    "secret" TEXT NOT NULL,
    "userId" INTEGER NOT NULL,
    CONSTRAINT "Apikey_userId_fkey" FOREIGN KEY ("userId") REFERENCES "User" ("id") ON DELETE RESTRICT ON UPDATE CASCADE
);

CREATE TABLE "User" (
    "id" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    "bio" TEXT NOT NULL DEFAULT '',
    "compare" BOOLEAN NOT NULL DEFAULT true,
    "consent" INTEGER NOT NULL DEFAULT 0,
    "control" INTEGER NOT NULL DEFAULT 1,
    "createdAt" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "data" TEXT NOT NULL,
    "ehash" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "ihash" TEXT NOT NULL,
    "img" TEXT,
    "initial" TEXT NOT NULL,
    "imperial" BOOLEAN NOT NULL DEFAULT false,
    "jwtCalls" INTEGER NOT NULL DEFAULT 0,
    "keyCalls" INTEGER NOT NULL DEFAULT 0,
    "language" TEXT NOT NULL DEFAULT 'en',
    "lastSeen" DATETIME,
    "lusername" TEXT NOT NULL,
    "mfaSecret" TEXT NOT NULL DEFAULT '',
    "mfaEnabled" BOOLEAN NOT NULL DEFAULT false,
    "newsletter" BOOLEAN NOT NULL DEFAULT false,
    "password" TEXT NOT NULL,
    "patron" INTEGER NOT NULL DEFAULT 0,
    "role" TEXT NOT NULL DEFAULT 'user',
    "status" INTEGER NOT NULL DEFAULT 0,
    "updatedAt" DATETIME,
    "username" TEXT NOT NULL
);
CREATE UNIQUE INDEX "User_ehash_key" ON "User"("ehash");
CREATE UNIQUE INDEX "User_lusername_key" ON "User"("lusername");
CREATE INDEX "User_ihash_idx" ON "User"("ihash");

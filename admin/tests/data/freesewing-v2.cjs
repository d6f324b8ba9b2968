// Needs mongoose@5, mongoose-encryption@2, mongoose-bcrypt@1 and bson@4: the very plugins of FreeSewing's version 2.
const mongoose = require('mongoose')
const encrypt = require('mongoose-encryption')
const { EJSON } = require('bson')
const { createHash } = require('crypto')
const { readFileSync } = require('fs')
const secret = readFileSync(`${__dirname}/freesewing.key`, 'utf8').trim()
const schema = new mongoose.Schema({
  email: String, ehash: String, initial: String, username: String, handle: String, role: String, patron: Number, bio: String,
  picture: String, status: String, password: String, settings: { language: String, units: String },
  consent: { profile: Boolean, measurements: Boolean, openData: Boolean }, time: { migrated: Date, login: Date, patron: Date },
  social: { twitter: String, instagram: String, github: String }, newsletter: Boolean,
}, { timestamps: true })
schema.plugin(encrypt, { secret, encryptedFields: ['email', 'initial', 'social.twitter', 'social.instagram', 'social.github'], decryptPostSave: true })
const User = mongoose.model('User', schema)
const user = (n, username, email, status, more) => ({
  _id: new mongoose.Types.ObjectId('5e8f8c1d2f0a4b0017c0ffe' + n), email, initial: email,
  ehash: createHash('sha256').update(email.toLowerCase().trim()).digest('hex'), username, handle: 'abcd' + 'efghij'[n], role: 'user',
  patron: 0, bio: '', picture: '', status, password: '$2a$10$abcdefghijklmnopqrstuuGGgFFcYeueaAql8Z7U7CnCTRw4DR77W',
  settings: { language: 'en', units: 'metric' }, consent: { profile: true, measurements: false, openData: true }, newsletter: false,
  time: { login: new Date('2020-05-01T10:00:00Z') }, social: {}, createdAt: new Date('2020-04-09T21:00:00Z'),
  updatedAt: new Date('2020-04-10T21:00:00Z'), ...more })
const users = [
  user(0, 'jimmy', 'Jimmy@example.com', 'active', { bio: 'Ich nähe 🧵', patron: 8, newsletter: true,
    settings: { language: 'de', units: 'imperial' }, social: { github: 'jimmysews', twitter: 'x' } }),
  user(1, 'waiting', 'waiting@example.com', 'pending'),
  user(2, 'frozen', 'frozen@example.com', 'frozen'),
  user(3, 'blocked', 'blocked@example.com', 'blocked'),
]
const done = (doc) => new Promise((resolve, reject) => doc.encrypt((error) => (error ? reject(error) : resolve())))
;(async () => {
  for (const [at, one] of users.entries()) {
    const doc = new User(one)
    await done(doc)
    // mongoexport writes relaxed JSON, and canonical JSON where asked.
    console.log(EJSON.stringify(doc.toObject({ depopulate: true }), { relaxed: at !== 1 }))
  }
})()

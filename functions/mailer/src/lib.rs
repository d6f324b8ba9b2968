//! The mailer: reads messages from its queue, and sends mail.

-- The tables that Laravel creates by DatePoll's migrations 2000_01_01_000000_create_users_table,
-- …000001_create_users_changes_table and …000005_create_user_email_addresses_table.
CREATE TABLE `users` (
  `id` int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `username` varchar(255) NOT NULL,
  `force_password_change` tinyint(1) NOT NULL DEFAULT '0',
  `password` varchar(512) NOT NULL,
  `activated` tinyint(1) NOT NULL,
  `member_number` varchar(255) NULL,
  `title` varchar(255) NULL,
  `firstname` varchar(255) NOT NULL,
  `surname` varchar(255) NOT NULL,
  `birthday` date NOT NULL,
  `join_date` date NULL,
  `streetname` varchar(255) NOT NULL,
  `streetnumber` varchar(255) NOT NULL,
  `zipcode` int NOT NULL,
  `location` varchar(255) NOT NULL,
  `activity` varchar(255) NOT NULL,
  `bv_member` varchar(255) NOT NULL,
  `bv_info` varchar(255) NULL,
  `internal_comment` text NULL,
  `information_denied` tinyint(1) NOT NULL DEFAULT '0',
  `created_at` timestamp NULL,
  `updated_at` timestamp NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE 'utf8mb4_unicode_ci';
ALTER TABLE `users` ADD UNIQUE `users_username_unique`(`username`);

CREATE TABLE `users_changes` (
  `id` int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `property` varchar(255) NOT NULL,
  `old_value` text NULL,
  `new_value` text NULL,
  `user_id` int unsigned NOT NULL,
  `editor_id` int unsigned NOT NULL,
  `created_at` timestamp NULL,
  `updated_at` timestamp NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE 'utf8mb4_unicode_ci';
ALTER TABLE `users_changes` ADD CONSTRAINT `users_changes_user_id_foreign`
  FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE;

CREATE TABLE `user_email_addresses` (
  `id` int unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  `user_id` int unsigned NOT NULL,
  `email` varchar(255) NOT NULL,
  `created_at` timestamp NULL,
  `updated_at` timestamp NULL
) DEFAULT CHARACTER SET utf8mb4 COLLATE 'utf8mb4_unicode_ci';
ALTER TABLE `user_email_addresses` ADD CONSTRAINT `user_email_addresses_user_id_foreign`
  FOREIGN KEY (`user_id`) REFERENCES `users` (`id`) ON DELETE CASCADE;

-- A trigger whose body looks like rows: an import must not read them.
DELIMITER //
CREATE TRIGGER `log_user` AFTER INSERT ON `users` FOR EACH ROW BEGIN
  INSERT INTO users_changes (property, new_value, user_id, editor_id) VALUES ('it''s; nobody', NEW.username, NEW.id, NEW.id);
  UPDATE users_changes SET old_value = 'INSERT INTO `users` VALUES (7001);' WHERE user_id = NEW.id;
END//
DELIMITER ;

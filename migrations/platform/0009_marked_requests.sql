-- Who changes a person can name the request that the change makes, and have it carried out at once.
ALTER TABLE admin_request ADD COLUMN mark TEXT;

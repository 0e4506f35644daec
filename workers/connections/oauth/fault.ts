/** What is wrong with the other side's OAuth, in our words. Apart, so that it loads without the library. */
export class OAuthFault extends Error {}

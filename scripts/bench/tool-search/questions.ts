/**
 * What people at work ask of GitHub, with the operations (`operationId`) that answer it. Written before the ranking was
 * measured; the ranking was changed after a look at what it missed.
 */
const LINES = `
open a bug report in our repository => issues/create
which tickets are open in this repo? => issues/list-for-repo|search/issues-and-pull-requests
close a ticket => issues/update
give an issue to a colleague => issues/add-assignees|issues/update
reply to an issue => issues/create-comment
read the discussion of an issue => issues/list-comments
tag an issue with a label => issues/add-labels|issues/set-labels
take a label off an issue => issues/remove-label
make a new label => issues/create-label
what milestones do we have => issues/list-milestones
create a milestone => issues/create-milestone
stop further comments on an issue => issues/lock
search all issues for a word => search/issues-and-pull-requests
who can be assigned to issues here => issues/list-assignees
what happened to this issue over time => issues/list-events-for-timeline|issues/list-events
which issues are assigned to me => issues/list|issues/list-for-authenticated-user
open a pull request => pulls/create
list open pull requests => pulls/list
show one pull request => pulls/get
merge a PR => pulls/merge|pulls/merge-async
which files does a pull request change => pulls/list-files
commits in a pull request => pulls/list-commits
ask a colleague to review my PR => pulls/request-reviewers
approve a pull request => pulls/create-review|pulls/submit-review
see the reviews of a pull request => pulls/list-reviews
has this PR been merged already => pulls/check-if-merged
change the title of a pull request => pulls/update
bring a PR branch up to date with main => pulls/update-branch
comment on a line of a pull request => pulls/create-review-comment
who was asked to review => pulls/list-requested-reviewers
read a file from a repository => repos/get-content
change a file in the repository => repos/create-or-update-file-contents
delete a file from a repo => repos/delete-file
show the readme => repos/get-readme
list branches => repos/list-branches
details of a branch => repos/get-branch
create a branch => git/create-ref
delete a branch => git/delete-ref
protect the main branch => repos/update-branch-protection
what has been committed recently => repos/list-commits
show one commit => repos/get-commit
compare two branches => repos/compare-commits-with-basehead|repos/compare-commits
make a new repository in our organization => repos/create-in-org
list the repositories of our organization => repos/list-for-org
delete a repository => repos/delete
fork a repository => repos/create-fork
rename a branch => repos/rename-branch
who contributes to this repository => repos/list-contributors|repos/get-contributors-stats
who has access to the repo => repos/list-collaborators
give a person access to a repository => repos/add-collaborator
remove someone's access to a repository => repos/remove-collaborator
transfer a repository to another owner => repos/transfer
programming languages used in a repository => repos/list-languages
topics of a repository => repos/get-all-topics
tags of a repository => repos/list-tags
how many visitors did the repository have => repos/get-views
download the source code as a zip => repos/download-zipball-archive
latest release => repos/get-latest-release
publish a release => repos/create-release
list releases => repos/list-releases
write release notes automatically => repos/generate-release-notes
delete a release => repos/delete-release
add a webhook to a repository => repos/create-webhook
list webhooks of a repository => repos/list-webhooks
why did a webhook delivery fail => repos/get-webhook-delivery|repos/list-webhook-deliveries|orgs/list-webhook-deliveries|orgs/get-webhook-delivery
send a test ping to a webhook => repos/ping-webhook|orgs/ping-webhook
set the status of a commit => repos/create-commit-status
did the checks pass for this commit => checks/list-for-ref|repos/get-combined-status-for-ref
list deployments => repos/list-deployments
create a deployment => repos/create-deployment
deployment environments of a repository => repos/get-all-environments
publish the GitHub Pages site => repos/create-pages-site|repos/request-pages-build|repos/create-pages-deployment
who starred this repository => activity/list-stargazers-for-repo
add a deploy key => repos/create-deploy-key
start a workflow by hand => actions/create-workflow-dispatch
recent CI runs => actions/list-workflow-runs-for-repo|actions/list-workflow-runs
why did the build fail, show the log of the job => actions/download-job-logs-for-workflow-run|actions/download-workflow-run-logs
run the failed jobs again => actions/re-run-workflow-failed-jobs
re-run a workflow => actions/re-run-workflow
cancel a running workflow => actions/cancel-workflow-run|actions/force-cancel-workflow-run
list workflows of a repo => actions/list-repo-workflows
jobs of a workflow run => actions/list-jobs-for-workflow-run|actions/list-jobs-for-workflow-run-attempt
artifacts that a build produced => actions/list-workflow-run-artifacts|actions/list-artifacts-for-repo
download a build artifact => actions/download-artifact
turn a workflow off => actions/disable-workflow
set a secret for CI in a repository => actions/create-or-update-repo-secret
which secrets does the repository have for actions => actions/list-repo-secrets
add a variable for workflows => actions/create-repo-variable
our self-hosted runners => actions/list-self-hosted-runners-for-org|actions/list-self-hosted-runners-for-repo
approve a waiting deployment => actions/review-pending-deployments-for-run
how big are the actions caches => actions/get-actions-cache-usage|actions/get-actions-cache-usage-for-org|actions/get-actions-cache-usage-by-repo-for-org
clear an actions cache => actions/delete-actions-cache-by-key|actions/delete-actions-cache-by-id
who am I => users/get-authenticated
look up a user profile => users/get-by-username
follow a user => users/follow
block a user => users/block|orgs/block-user
my email addresses => users/list-emails-for-authenticated-user
my SSH keys => users/list-public-ssh-keys-for-authenticated-user
add an ssh key to my account => users/create-public-ssh-key-for-authenticated-user
members of the organization => orgs/list-members
invite a person to the organization => orgs/create-invitation
remove a member from the organization => orgs/remove-member|orgs/remove-membership-for-user
pending invitations of the organization => orgs/list-pending-invitations
is this person a member of the organization => orgs/check-membership-for-user|orgs/get-membership-for-user
outside collaborators => orgs/list-outside-collaborators
which apps are installed in our organization => orgs/list-app-installations
make a person an owner of the organization => orgs/set-membership-for-user
list teams => teams/list
create a team => teams/create
who is in a team => teams/list-members-in-org|teams/list-members-legacy
add a person to a team => teams/add-or-update-membership-for-user-in-org|teams/add-or-update-membership-for-user-legacy|teams/add-member-legacy
take a person out of a team => teams/remove-membership-for-user-in-org|teams/remove-membership-for-user-legacy|teams/remove-member-legacy
give a team access to a repository => teams/add-or-update-repo-permissions-in-org|teams/add-or-update-repo-permissions-legacy
find code that contains a function name => search/code
find repositories about a topic => search/repos
search users by name => search/users
search commits by message => search/commits
share a snippet as a gist => gists/create
my gists => gists/list
comment on a gist => gists/create-comment
unread notifications => activity/list-notifications-for-authenticated-user
mark all notifications as read => activity/mark-notifications-as-read
star a repository => activity/star-repo-for-authenticated-user
stop watching a repository => activity/delete-repo-subscription
react with a thumbs up to an issue => reactions/create-for-issue
security alerts of vulnerable dependencies in a repository => dependabot/list-alerts-for-repo
dismiss a dependabot alert => dependabot/update-alert
code scanning findings in a repository => code-scanning/list-alerts-for-repo
leaked passwords and keys in our repository => secret-scanning/list-alerts-for-repo
packages of our organization => packages/list-packages-for-organization
delete a version of a package => packages/delete-package-version-for-org|packages/delete-package-version-for-user|packages/delete-package-version-for-authenticated-user
how many API calls do I have left => rate-limit/get
what did actions and storage cost us => billing/get-github-billing-usage-report-org|billing/get-github-billing-usage-summary-report-org|billing/get-github-billing-usage-report-user|billing/get-github-billing-usage-summary-report-user
who has a Copilot seat => copilot/list-copilot-seats
take a copilot licence away from a user => copilot/cancel-copilot-seat-assignment-for-users
items of a project board => projects/list-items-for-org|projects/list-items-for-user|projects/list-view-items-for-org|projects/list-view-items-for-user
add an issue to a project => projects/add-item-for-org|projects/add-item-for-user
render markdown as HTML => markdown/render|markdown/render-raw
which licence does this repository have => licenses/get-for-repo
`;

/** A question and the operations that answer it. */
export interface Question {
  text: string;
  answers: readonly string[];
}

/** Questions of a text: one a line, with its answers behind an arrow. */
export function parseQuestions(lines: string): Question[] {
  return lines
    .trim()
    .split("\n")
    .map((line) => {
      const [text = "", answers = ""] = line.split(" => ");
      return { text, answers: answers.split("|") };
    });
}

/** All questions. */
export const QUESTIONS: readonly Question[] = parseQuestions(LINES);
